//! `spillway rules`: which rules decide, and how they are changed (docs/rules.md).

mod activate;
mod list;
pub(crate) mod log;
mod memory;
mod propose;
mod told;
mod trial;

use std::process::ExitCode;

use eventlog::Connection;
use service::config::KafkaArgs;

use crate::{exit, log_start::StartArgs, output::OutputArgs};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Shows the revision in force and the proposed ones of every shard, as its log says.
    ///
    /// Example: spillway rules list --output json
    List(TargetArgs),
    Propose(propose::Args),
    Activate(activate::Args),
    Try(trial::Args),
}

/// Which logs, and how data is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    start: StartArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl TargetArgs {
    fn connection(&self) -> Connection {
        Connection::new(&self.kafka.kafka_bootstrap_servers)
    }
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => list::run(args).await,
        Verb::Propose(args) => propose::run(args).await,
        Verb::Activate(args) => activate::run(args).await,
        Verb::Try(args) => trial::run(args).await,
    }
}

/// Rules that this program does not have cannot be judged by it, so it does not write them.
///
/// # Errors
/// A usage error that names the versions there are.
fn check_known(rules: i32) -> anyhow::Result<()> {
    if shard::KNOWN_RULES.contains(&rules) {
        return Ok(());
    }
    let known: Vec<String> = shard::KNOWN_RULES.iter().map(ToString::to_string).collect();
    Err(exit::usage(format!(
        "this program does not have rules version {rules}, it has {}: use the release that has it",
        known.join(", ")
    )))
}
