//! `spillway schemas register`: every event schema gets its id.

use std::process::ExitCode;

use eventlog::{
    SchemaIds,
    registry::{CompatibilityError, Registry, RegistryError, subject_of},
};
use serde::Serialize;
use service::config::RegistryArgs;

use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, OutputArgs, Row},
    words,
};

/// Registers the schemas of all events. Registering again is harmless.
///
/// Example: spillway schemas register --yes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A subject with its schema's id.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Subject {
    subject: String,
    /// Absent while the schema is not registered.
    id: Option<u32>,
}

impl Row for Subject {
    const HEAD: &'static [&'static str] = &["subject", "id"];

    fn cells(&self) -> Vec<String> {
        let id = self.id.map_or_else(|| "to be registered".to_owned(), |id| id.to_string());
        vec![self.subject.clone(), id]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::new(args.registry.schema_registry_url.as_str())?;
    let format = args.output.output;
    let missing = match registry.ids().await {
        Ok(ids) => {
            output::print(format, &registered(&ids))?;
            words::say("every schema is registered");
            words::next("spillway status");
            return Ok(ExitCode::SUCCESS);
        }
        Err(RegistryError::Unregistered(missing)) => missing,
        Err(other) => return Err(other.into()),
    };
    if let Err(error) = registry.check().await {
        return refused(error);
    }
    let plan = format!("{} schemas are to be registered", missing.len());
    words::say(&plan);
    if args.write.leave("Register them?")? == Leave::Refrain {
        output::print(format, &unregistered(missing))?;
        words::say("nothing was registered");
        return Ok(ExitCode::SUCCESS);
    }
    let ids = registry.register().await?;
    output::print(format, &registered(&ids))?;
    words::say(&format!("{} registered", words::tick()));
    words::next("spillway topics check");
    Ok(ExitCode::SUCCESS)
}

fn refused(error: RegistryError) -> anyhow::Result<ExitCode> {
    let RegistryError::Incompatible(CompatibilityError(_)) = &error else {
        return Err(error.into());
    };
    words::say(&format!("{} nothing was registered: {error}", words::cross()));
    words::next("spillway schemas check");
    Ok(exit::found(true))
}

fn registered(ids: &SchemaIds) -> Vec<Subject> {
    ids.iter()
        .filter_map(|(full_name, id)| {
            Some(Subject { subject: subject_of(full_name)?, id: Some(id) })
        })
        .collect()
}

fn unregistered(subjects: Vec<String>) -> Vec<Subject> {
    subjects.into_iter().map(|subject| Subject { subject, id: None }).collect()
}
