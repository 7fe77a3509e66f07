//! The programs of the system: they lie beside this one, made by the same build.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Where the programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) command_api: PathBuf,
    pub(crate) projector: PathBuf,
    pub(crate) query_api: PathBuf,
}

impl Binaries {
    /// Finds them beside the running program.
    ///
    /// # Errors
    /// A sentence that names every missing one and the command that builds them.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this program lies")?;
        Self::beside(&own)
    }

    fn beside(own: &Path) -> anyhow::Result<Self> {
        Self::within(own.parent().unwrap_or(own))
    }

    /// Finds them in a folder.
    ///
    /// # Errors
    /// As [`Binaries::find`].
    pub(crate) fn within(folder: &Path) -> anyhow::Result<Self> {
        let all = Self {
            command_api: folder.join("command-api"),
            projector: folder.join("projector"),
            query_api: folder.join("query-api"),
        };
        let missing: Vec<String> = [&all.command_api, &all.projector, &all.query_api]
            .into_iter()
            .filter(|path| !path.is_file())
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        if missing.is_empty() {
            return Ok(all);
        }
        bail!(
            "{} missing in {}: build all programs with `cargo build --workspace --bins{}`",
            missing.join(", "),
            folder.display(),
            if folder.ends_with("release") { " --release" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn missing_programs_are_named_with_the_command_that_makes_them() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("release");
        fs::create_dir(&release).unwrap();
        fs::write(release.join("projector"), "").unwrap();
        let error = Binaries::beside(&release.join("spillway")).unwrap_err().to_string();
        assert!(error.starts_with("command-api, query-api missing in "), "{error}");
        assert!(error.ends_with("`cargo build --workspace --bins --release`"), "{error}");
        for name in ["command-api", "query-api"] {
            fs::write(release.join(name), "").unwrap();
        }
        let found = Binaries::beside(&release.join("spillway")).unwrap();
        assert_eq!(found.query_api, release.join("query-api"));
    }
}
