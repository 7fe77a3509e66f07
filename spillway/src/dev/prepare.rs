//! What must be there before the processes start: a folder, topics with rules, schemas.

use std::{fs, path::Path};

use anyhow::Context as _;
use devstack::Stack;
use events::{command::Parameters, profile::Profile};

use super::steps::Steps;
use crate::{schemas, topics};

/// Makes the topics and writes the first records of every shard.
pub(crate) async fn topics(
    stack: &Stack,
    parameters: &Parameters,
    steps: &Steps,
) -> anyhow::Result<()> {
    let servers = stack.bootstrap_servers();
    let make = topics::make(&servers, Profile::LOCAL, *parameters);
    let made = steps.run("topics", make).await;
    made.context("the topics could not be made")
}

/// Registers the event schemas.
pub(crate) async fn schemas(stack: &Stack, steps: &Steps) -> anyhow::Result<()> {
    let url = stack.registry_url();
    let made = steps.run("schemas", schemas::make(&url)).await;
    made.context("the schemas could not be registered")
}

/// Makes the folder that is kept, and keeps it out of version control.
pub(crate) fn folder(folder: &Path) -> anyhow::Result<()> {
    let make = || {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(".gitignore"), "*\n")
    };
    make().with_context(|| format!("cannot make the folder {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_folder_hides_itself_from_version_control() {
        let parent = tempfile::tempdir().unwrap();
        let kept = parent.path().join("a/b");
        folder(&kept).unwrap();
        folder(&kept).unwrap();
        assert_eq!(fs::read_to_string(kept.join(".gitignore")).unwrap(), "*\n");
    }
}
