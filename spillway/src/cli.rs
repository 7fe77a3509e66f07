//! The verbs, and what each of them runs. One verb is one module.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    archive, completions, dead_letters, dev, exit, import, openapi, projections, rebuild, repair,
    rules, schemas, status, topics, verify,
};

/// Runs, prepares, fills, watches and checks a Spillway system.
///
/// Data goes to standard output, words go to standard error. A flag comes before the environment,
/// the environment before the default.
#[derive(Debug, Parser)]
#[command(name = "spillway", version, propagate_version = true)]
#[command(after_help = exit::HELP, after_long_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the whole system on this machine, with sample data, until Ctrl-C.
    Dev(dev::Args),
    /// Shows the systems that `spillway dev` runs here: processes, readiness, lag, addresses.
    Status(status::Args),
    /// Makes the topics and their first records, or checks them.
    #[command(subcommand)]
    Topics(topics::Verb),
    /// Checks that event schemas may evolve as they did, or registers them.
    #[command(subcommand)]
    Schemas(schemas::Verb),
    /// Shows, proposes, tries and activates the rules that decide.
    #[command(subcommand)]
    Rules(rules::Verb),
    /// Puts products and stock in, through the command API.
    Import(import::Args),
    /// Recomputes the system from its logs and compares.
    Verify(verify::Args),
    /// Copies old commands to a folder and deletes them from the log, below the safe bound only.
    Archive(archive::Args),
    /// Writes the outputs of a shard again from below a gap, while everything serves.
    Repair(repair::Args),
    /// Shows how the read models are filled; pauses, resumes, skips and resets them.
    #[command(subcommand)]
    Projections(projections::Verb),
    /// Shows what projections could not apply; applies it again, or drops it.
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    /// Fills a read model anew beside the live one, compares, and switches.
    Rebuild(rebuild::Args),
    /// Prints the OpenAPI document of the one base URL.
    Openapi(openapi::Args),
    /// Prints the completion script of a shell.
    Completions(completions::Args),
}

impl Cli {
    /// Runs the verb that was asked for; the exit codes are those of [`exit::HELP`].
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Dev(args) => dev::run(args).await,
            Verb::Status(args) => status::run(args).await,
            Verb::Topics(verb) => topics::run(verb).await,
            Verb::Schemas(verb) => schemas::run(verb).await,
            Verb::Rules(verb) => rules::run(verb).await,
            Verb::Import(args) => import::run(args).await,
            Verb::Verify(args) => verify::run(args).await,
            Verb::Archive(args) => archive::run(args).await,
            Verb::Repair(args) => repair::run(args).await,
            Verb::Projections(verb) => projections::run(verb).await,
            Verb::DeadLetters(verb) => dead_letters::run(verb).await,
            Verb::Rebuild(args) => rebuild::run(args).await,
            Verb::Openapi(args) => openapi::run(&args),
            Verb::Completions(args) => completions::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_of_all_verbs_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_tells_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes"), "{help}");
    }
}
