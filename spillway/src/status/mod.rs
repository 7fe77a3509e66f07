//! `spillway status`: what `spillway dev` runs on this machine, and how it is.

mod env;
mod letters;
mod metrics;
pub(crate) mod probe;
mod projections;
mod report;
mod shards;

use std::process::ExitCode;

use anyhow::bail;
use clap::ValueEnum;

use self::report::Report;
use crate::{
    connect, exit, output,
    running::{self, Running},
    words,
};

/// Shows how a system that `spillway dev` runs here is: processes, shards, projections, dead letters.
///
/// Exit codes: 0 every process is ready, 1 one is not, 2 wrong arguments, 3 nothing runs here.
///
/// Example: spillway status --output json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system to show, by its id; without it, the one that was started last.
    #[arg(long)]
    id: Option<String>,
    /// Tells all of each shard, and of every partition of each projection, for a wide terminal.
    #[arg(long)]
    wide: bool,
    /// How data is printed on standard output.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How a status is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document in one line.
    Jsonl,
    /// Lines for a shell: `eval "$(spillway status -o env)"`.
    Env,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let all = running::list(&running::folder()?)?;
    let running = choose(&all, args.id.as_deref())?;
    if args.output == Format::Env {
        output::write(&env::lines(running))?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = Report::of(&connect::local_http()?, running).await;
    match args.output {
        Format::Json => output::write(&(serde_json::to_string_pretty(&report)? + "\n"))?,
        Format::Jsonl => output::write(&(serde_json::to_string(&report)? + "\n"))?,
        Format::Table | Format::Env => output::write(&report.screen(args.wide))?,
    }
    tell_others(&all, running);
    let wrong = report.wrong();
    for wrong in &wrong {
        words::say(&format!("{} {}", words::cross(), wrong.what));
    }
    if let Some(first) = wrong.first() {
        words::next(first.next);
    } else if report.ready {
        words::next("eval \"$(spillway status -o env)\"");
    }
    if !report.ready {
        words::say(&format!("not everything is ready; the logs are in {}", running.logs.display()));
    }
    Ok(exit::found(!report.ready))
}

/// The asked-for system, or the one that was started last; `all` has the oldest first.
fn choose<'a>(all: &'a [Running], id: Option<&str>) -> anyhow::Result<&'a Running> {
    let chosen = match id {
        Some(id) => all.iter().find(|running| running.id == id),
        None => all.last(),
    };
    match (chosen, id) {
        (Some(running), _) => Ok(running),
        (None, Some(id)) => {
            Err(exit::usage(format!("no system {id} runs here; there are: {}", ids(all))))
        }
        (None, None) => bail!("nothing runs here: start it with `spillway dev`"),
    }
}

fn tell_others(all: &[Running], shown: &Running) {
    for other in all.iter().filter(|other| other.id != shown.id) {
        words::say(&format!("also running: {} at {} (--id {0})", other.id, other.url));
    }
}

fn ids(all: &[Running]) -> String {
    let ids: Vec<&str> = all.iter().map(|running| running.id.as_str()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{running::tests::sample, *};

    #[test]
    fn the_last_started_is_chosen_unless_another_is_named() {
        let all = [sample("old"), sample("new")];
        assert_eq!(choose(&all, None).unwrap().id, "new");
        assert_eq!(choose(&all, Some("old")).unwrap().id, "old");
        let unknown = choose(&all, Some("x")).unwrap_err().to_string();
        assert!(unknown.ends_with("old, new"), "{unknown}");
        let none = choose(&[], None).unwrap_err().to_string();
        assert!(none.contains("`spillway dev`"), "{none}");
    }
}
