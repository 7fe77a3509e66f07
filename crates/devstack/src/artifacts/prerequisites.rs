//! The programs that fetching and unpacking need, looked for before any of them runs.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// Each with the Debian package that brings it.
const NEEDED: [(&str, &str); 4] =
    [("mvn", "maven"), ("jar", "default-jdk-headless"), ("tar", "tar"), ("xz", "xz-utils")];

/// Refuses a machine that lacks one of them.
pub(super) fn check() -> Result<(), Error> {
    let java = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = java.into_iter().chain(env::split_paths(&path)).collect();
    missing(&folders).map_or(Ok(()), |(tool, install)| Err(Error::MissingTool { tool, install }))
}

fn missing(folders: &[impl AsRef<Path>]) -> Option<(&'static str, &'static str)> {
    let there = |tool: &str| folders.iter().any(|folder| folder.as_ref().join(tool).is_file());
    NEEDED.into_iter().find(|(tool, _)| !there(tool))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_missing_program_is_named_with_the_package_that_brings_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mvn"), "").unwrap();
        let (tool, install) = missing(&[folder.path()]).unwrap();
        assert_eq!(
            Error::MissingTool { tool, install }.to_string(),
            "jar is missing: run deploy/local/prepare as root, or install default-jdk-headless"
        );
        for (tool, _) in NEEDED {
            fs::write(folder.path().join(tool), "").unwrap();
        }
        assert_eq!(missing(&[folder.path()]), None);
    }
}
