//! The programs under test: they lie where cargo put them, beside the test executable.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Where the programs are.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    pub(crate) command_api: PathBuf,
    pub(crate) projector: PathBuf,
    pub(crate) query_api: PathBuf,
    pub(crate) spillway: PathBuf,
}

impl Binaries {
    /// Finds them for the running test.
    ///
    /// # Errors
    /// A sentence that names every missing one and the command that builds them.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let test = std::env::current_exe().context("cannot tell where this test lies")?;
        // Test executables lie in `deps` below the folder of the programs.
        let folder = test.parent().and_then(Path::parent).context("the test lies in no folder")?;
        Self::within(folder)
    }

    /// Finds them in a folder.
    pub(crate) fn within(folder: &Path) -> anyhow::Result<Self> {
        let found = Self {
            command_api: folder.join("command-api"),
            projector: folder.join("projector"),
            query_api: folder.join("query-api"),
            spillway: folder.join("spillway"),
        };
        let all = [&found.command_api, &found.projector, &found.query_api, &found.spillway];
        let missing: Vec<String> = all
            .into_iter()
            .filter(|path| !path.is_file())
            .map(|path| path.display().to_string())
            .collect();
        if missing.is_empty() {
            return Ok(found);
        }
        bail!(
            "missing: {}; run cargo build --workspace --bins{}",
            missing.join(", "),
            if folder.ends_with("release") { " --release" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn missing_programs_are_named_with_the_command_that_builds_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["command-api", "projector", "query-api"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let error = Binaries::within(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("missing: ") && error.contains("/spillway;"), "{error}");
        assert!(error.ends_with("run cargo build --workspace --bins"), "{error}");
        fs::write(folder.path().join("spillway"), "").unwrap();
        assert!(Binaries::within(folder.path()).is_ok());
    }
}
