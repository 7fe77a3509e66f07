//! The verbs, and what each of them runs. One verb is one module.

use std::process::ExitCode;

use clap::{Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    archive, bench, completions, dead_letters, dev, exit, import, openapi, projections, rebuild,
    repair, rules, schemas, status, tail, topics, verify, why,
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
    Dev(dev::Args),
    Status(status::Args),
    Tail(tail::Args),
    /// Tells why a row of a read model is as it is: its commands, events and delays.
    #[command(subcommand)]
    Why(why::Verb),
    /// Makes the topics and their first records, or checks them.
    #[command(subcommand)]
    Topics(topics::Verb),
    /// Checks that event schemas may evolve as they did, or registers them.
    #[command(subcommand)]
    Schemas(schemas::Verb),
    /// Shows, proposes, tries and activates the rules that decide.
    #[command(subcommand)]
    Rules(rules::Verb),
    Import(import::Args),
    Verify(verify::Args),
    Archive(archive::Args),
    Repair(repair::Args),
    /// Shows how the read models are filled; pauses, resumes, skips and resets them.
    #[command(subcommand)]
    Projections(projections::Verb),
    /// Shows what projections could not apply; applies it again, or drops it.
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    Rebuild(rebuild::Args),
    /// Measures orders and queries beside what one would use otherwise; ratios first.
    #[command(subcommand)]
    Bench(bench::Verb),
    Openapi(openapi::Args),
    Completions(completions::Args),
}

/// The whole command line; each verb's long help tells the exit codes.
pub(crate) fn command() -> Command {
    with_exit_codes(Cli::command())
}

fn with_exit_codes(command: Command) -> Command {
    let command = command.mut_subcommands(with_exit_codes);
    let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    match about.contains("Exit codes") {
        true => command,
        false => command.after_long_help(exit::HELP),
    }
}

impl Cli {
    /// Reads the arguments; wrong ones end the process, as a question for help does.
    pub(crate) fn read() -> Self {
        let read = Cli::from_arg_matches(&command().get_matches());
        read.unwrap_or_else(|error| error.exit())
    }

    /// Runs the verb that was asked for; the exit codes are those of [`exit::HELP`].
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Dev(args) => dev::run(args).await,
            Verb::Status(args) => status::run(args).await,
            Verb::Tail(args) => tail::run(args).await,
            Verb::Why(verb) => why::run(verb).await,
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
            Verb::Bench(verb) => bench::run(verb).await,
            Verb::Openapi(args) => openapi::run(&args),
            Verb::Completions(args) => completions::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tool.md"));

    /// Every verb that can be run, by its words, with its help.
    fn verbs() -> Vec<(String, Command)> {
        let mut open = vec![(String::new(), command())];
        let mut found = Vec::new();
        while let Some((path, command)) = open.pop() {
            let path = format!("{path} {}", command.get_name()).trim().to_owned();
            match command.has_subcommands() {
                true => {
                    open.extend(command.get_subcommands().map(|sub| (path.clone(), sub.clone())));
                }
                false => found.push((path, command)),
            }
        }
        found
    }

    /// The example in a verb's help.
    fn example(path: &str, command: &Command) -> String {
        let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let example = about.split_once("Example: ").map(|(_, rest)| rest.lines().next());
        let example = example.flatten().unwrap_or_else(|| panic!("{path} has no example: {about}"));
        // What prepares it, and where its output goes, are the shell's.
        let call = example.rsplit("&& ").next().unwrap_or(example);
        let call = call.split(" > ").next().unwrap_or(call);
        assert!(call.starts_with(path), "{path} has an example of something else: {call}");
        call.to_owned()
    }

    #[test]
    fn the_arguments_of_all_verbs_fit_together() {
        command().debug_assert();
    }

    #[test]
    fn every_help_has_an_example_that_is_understood_and_tells_the_exit_codes() {
        assert!(verbs().len() > 20, "{:?}", verbs().len());
        for (path, mut command) in verbs() {
            let call = example(&path, &command);
            let read = Cli::try_parse_from(call.split_whitespace());
            // What comes from the environment may be missing here.
            let refused = read.err().filter(|e| e.kind() != ErrorKind::MissingRequiredArgument);
            assert!(refused.is_none(), "{call}: {refused:?}");
            let help = command.render_long_help().to_string();
            assert!(help.contains("Exit codes"), "{path}: {help}");
        }
    }

    #[test]
    fn the_page_of_the_tool_names_every_verb_and_exit_code() {
        for (path, _) in verbs() {
            assert!(DOCUMENT.contains(&format!("`{path}")), "docs/tool.md does not name {path}");
        }
        for line in exit::HELP.lines().skip(1) {
            let (code, meaning) = line.trim().split_once("  ").unwrap();
            let row = format!("| {code} | {meaning} |");
            assert!(DOCUMENT.contains(&row), "docs/tool.md has no row {row}");
        }
    }
}
