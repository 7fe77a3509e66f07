//! `spillway rules activate`: every shard switches to a proposed revision at one offset of its log.

use std::process::ExitCode;

use eventlog::Partition;
use events::{
    Command,
    command::{ActivateRules, Parameters},
};
use serde::Serialize;
use shard::Revision;
use tokio::task::spawn_blocking;

use super::{
    TargetArgs, check_known,
    log::{self, ShardRules},
    memory,
};
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, Row},
    words,
};

/// Switches every shard to a revision that all of them know.
///
/// Example: spillway rules activate 2 --yes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The revision, as `spillway rules list` shows it among the proposed ones.
    revision: i64,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// How one shard stands to the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// Proposed: it can switch.
    Switch,
    /// It has switched already.
    InForce,
    /// A higher revision is in force; nothing leads back to this one.
    Passed,
    /// It was never proposed here.
    Unknown,
    /// Something else was proposed here under this number.
    Differs,
}

#[derive(Debug, Serialize)]
struct Stand {
    shard: String,
    standing: Standing,
}

impl Row for Stand {
    const HEAD: &'static [&'static str] = &["shard", "standing"];

    fn cells(&self) -> Vec<String> {
        let standing = match self.standing {
            Standing::Switch => "switches",
            Standing::InForce => "in force already",
            Standing::Passed => "a higher revision is in force",
            Standing::Unknown => "never proposed here",
            Standing::Differs => "something else was proposed here under this number",
        };
        vec![self.shard.clone(), standing.to_owned()]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let connection = args.target.connection();
    let shards = log::read(&connection, &args.target.start).await?;
    let revision = args.revision;
    let meant = shards.iter().find_map(|shard| known_to(shard, revision)).copied();
    let stands: Vec<Stand> = shards
        .iter()
        .map(|s| Stand { shard: s.shard.to_string(), standing: standing(s, revision, meant) })
        .collect();
    output::print(args.target.output.output, &stands)?;
    if let Some(meant) = meant {
        check_known(meant.rules)?;
    }
    if stands.iter().any(|s| !matches!(s.standing, Standing::Switch | Standing::InForce)) {
        words::say(&format!(
            "nothing was done: revision {revision} must be known to every shard, in the same words; \
             propose it anew under the next number"
        ));
        return Ok(exit::found(true));
    }
    // What was active when it was proposed may not be any more.
    let now = log::now(&shards);
    let forgetful = meant.and_then(|meant| {
        shards.iter().find_map(|shard| memory::objection(shard, &meant.parameters, now))
    });
    if let Some(why) = forgetful {
        words::say(&format!("{} nothing was done: {why}", words::cross()));
        return Ok(exit::found(true));
    }
    let switching: Vec<(Partition, Command)> = shards
        .into_iter()
        .zip(&stands)
        .filter(|(_, stand)| stand.standing == Standing::Switch)
        .map(|(shard, _)| (shard.partition, ActivateRules { revision }.into()))
        .collect();
    if switching.is_empty() {
        words::say(&format!("revision {revision} is in force everywhere"));
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!(
        "A processor without rules version {} stops its shards. Switch {} shards to revision \
         {revision}?",
        meant.map_or(0, |meant| meant.rules),
        switching.len()
    );
    if args.write.leave(&question)? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    spawn_blocking(move || {
        eventlog::control_records::append(&connection, "spillway-rules", &switching)
    })
    .await??;
    words::say(&format!("{} every shard switches to revision {revision}", words::tick()));
    words::next("spillway rules list");
    Ok(ExitCode::SUCCESS)
}

fn known_to(shard: &ShardRules, revision: i64) -> Option<&Revision> {
    shard.rules.active().into_iter().chain(shard.rules.proposed()).find(|r| r.revision == revision)
}

/// Two proposals of one number that were written at once may stand in different order in different
/// logs; each shard keeps its first, so all of them are compared.
fn standing(shard: &ShardRules, revision: i64, meant: Option<Revision>) -> Standing {
    let same = |known: &Revision| Some(content(known)) == meant.as_ref().map(content);
    match (shard.rules.active(), known_to(shard, revision)) {
        (Some(active), _) if active.revision > revision => Standing::Passed,
        (_, None) => Standing::Unknown,
        (_, Some(known)) if !same(known) => Standing::Differs,
        (Some(active), _) if active.revision == revision => Standing::InForce,
        _ => Standing::Switch,
    }
}

fn content(revision: &Revision) -> (i32, Parameters) {
    (revision.rules, revision.parameters)
}
