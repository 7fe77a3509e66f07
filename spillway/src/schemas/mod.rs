//! `spillway schemas check|register|asyncapi`: the event schemas, among themselves and at the
//! registry, and the document made of them.

mod check;
mod register;

use std::process::ExitCode;

use eventlog::Registry;

use crate::output;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Check(check::Args),
    Register(register::Args),
    /// Prints an AsyncAPI 3.0 document of the event topics.
    ///
    /// Example: spillway schemas asyncapi > asyncapi.json
    Asyncapi,
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Check(args) => check::run(args).await,
        Verb::Register(args) => register::run(args).await,
        Verb::Asyncapi => {
            output::write(&events::asyncapi::text())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Registers all, without a question, for a system that starts.
///
/// # Errors
/// The registry does not answer, or holds a version with which one of ours is not compatible.
pub(crate) async fn make(registry_url: &str) -> anyhow::Result<()> {
    Registry::new(registry_url)?.register().await?;
    Ok(())
}
