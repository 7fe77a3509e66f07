//! `spillway schemas check`: may the schemas evolve as they did?

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use eventlog::registry::{
    CompatibilityError, OfflineError, Registry, RegistryError, incompatibilities,
};
use serde::Serialize;
use service::config::RegistryArgs;

use crate::{
    exit,
    output::{self, OutputArgs, Row},
    words,
};

/// Checks that event schemas may evolve as they did.
///
/// Compares all released versions of every schema with each other, and with the registry when it
/// answers.
///
/// Exit codes: 0 all can read each other, 1 two cannot, 2 wrong arguments.
///
/// Example: spillway schemas check --output json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the released schemas, files named like `OrderPlaced.v1.avsc` at any depth.
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    folder: PathBuf,
    /// Does not ask the registry.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Two schemas that cannot read each other.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Conflict {
    /// A file, or a subject of the registry.
    schema: String,
    /// The other file; the registered versions where it is a subject.
    other: String,
    reason: String,
}

impl Row for Conflict {
    const HEAD: &'static [&'static str] = &["schema", "cannot be read with", "because"];

    fn cells(&self) -> Vec<String> {
        vec![self.schema.clone(), self.other.clone(), self.reason.clone()]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut conflicts = released(&args.folder)?;
    if !args.offline {
        conflicts.extend(registered(&args.registry).await?);
    }
    output::print(args.output.output, &conflicts)?;
    if conflicts.is_empty() {
        words::say(&format!("{} every version reads every other", words::tick()));
        words::next("spillway schemas register");
    } else {
        words::say(&format!("{} a reader of one version would stop at another", words::cross()));
    }
    Ok(exit::found(!conflicts.is_empty()))
}

/// Conflicts among the released files.
fn released(folder: &Path) -> anyhow::Result<Vec<Conflict>> {
    if !folder.is_dir() {
        return Err(exit::usage(format!(
            "there is no folder {}: run this in the project's folder, or pass --folder",
            folder.display()
        )));
    }
    let found =
        incompatibilities(folder).map_err(|error: OfflineError| exit::usage(error.to_string()))?;
    let conflict = |found: eventlog::registry::Incompatible| Conflict {
        schema: found.left.display().to_string(),
        other: found.right.display().to_string(),
        reason: found.reason,
    };
    Ok(found.into_iter().map(conflict).collect())
}

/// Conflicts with what the registry holds. A registry that does not answer is no conflict: this
/// check must also work where there is none.
async fn registered(args: &RegistryArgs) -> anyhow::Result<Vec<Conflict>> {
    let url = args.schema_registry_url.as_str();
    match Registry::new(url)?.check().await {
        Ok(()) => Ok(Vec::new()),
        Err(RegistryError::Incompatible(CompatibilityError(subjects))) => {
            let conflict = |(subject, reason)| Conflict {
                schema: subject,
                other: "registered versions".to_owned(),
                reason,
            };
            Ok(subjects.into_iter().map(conflict).collect())
        }
        Err(RegistryError::Unanswered(_)) => {
            words::say(&format!("no registry answers at {url}: only the files were compared"));
            Ok(Vec::new())
        }
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn two_versions_that_cannot_read_each_other_are_a_conflict() {
        let folder = tempfile::tempdir().unwrap();
        for (version, field) in [(1, "a"), (2, "b")] {
            let text = format!(
                r#"{{"type":"record","name":"R","fields":[{{"name":"{field}","type":"int"}}]}}"#
            );
            fs::write(folder.path().join(format!("R.v{version}.avsc")), text).unwrap();
        }
        let conflicts = released(folder.path()).unwrap();
        assert_eq!(conflicts.len(), 1);
        assert!(conflicts[0].schema.ends_with("R.v1.avsc"), "{conflicts:?}");
        assert!(conflicts[0].other.ends_with("R.v2.avsc"), "{conflicts:?}");
    }

    #[test]
    fn a_missing_folder_is_a_mistake_of_the_caller() {
        let error = released(Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().contains("--folder"), "{error}");
    }
}
