//! `spillway rules propose`: a revision becomes known to every shard, and decides nothing yet.

use std::process::ExitCode;

use events::{
    Command,
    command::{Parameters, ProposeRules},
};
use serde::Serialize;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    TargetArgs, check_known,
    log::{self, ShardRules, by_name},
    memory,
};
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, Row},
    profile::ParameterArgs,
    words,
};

/// Makes a new revision known to every shard: other rules, other parameters, or both.
///
/// Example: spillway rules propose --rules 2 --parameter payment_deadline_ms=600000
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Version of the code that decides; as it is now unless given.
    #[arg(long, value_name = "N")]
    rules: Option<i32>,
    /// What is not named stays as it is in force.
    #[command(flatten)]
    parameters: ParameterArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// What the version of the code is called among the changes.
const RULES: &str = "rules";

/// One thing that the revision changes.
#[derive(Debug, Serialize)]
struct Change {
    what: String,
    now: i64,
    then: i64,
}

impl Row for Change {
    const HEAD: &'static [&'static str] = &["what", "now", "then"];

    fn cells(&self) -> Vec<String> {
        vec![self.what.clone(), self.now.to_string(), self.then.to_string()]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let connection = args.target.connection();
    let shards = log::read(&connection, &args.target.start).await?;
    let active = log::newest(&shards)?;
    let rules = args.rules.unwrap_or(active.rules);
    check_known(rules)?;
    let parameters = args.parameters.over(active.parameters)?;
    let changes = changes((active.rules, &active.parameters), (rules, &parameters));
    output::print(args.target.output.output, &changes)?;
    if changes.is_empty() {
        words::say(&format!("revision {} says all of this already", active.revision));
        return Ok(ExitCode::SUCCESS);
    }
    let revision = log::highest(&shards) + 1;
    let proposal = |stream_id| ProposeRules { revision, rules, stream_id, parameters };
    for ShardRules { shard, rules, .. } in &shards {
        if let Some(objection) = rules.objection(&proposal(String::new())) {
            return Err(exit::usage(format!("shard {shard} would not take this: {objection}")));
        }
    }
    let now = log::now(&shards);
    if let Some(why) = shards.iter().find_map(|s| memory::objection(s, &parameters, now)) {
        return Err(exit::usage(why));
    }
    let question = format!("Propose revision {revision} to {} shards?", shards.len());
    if args.write.leave(&question)? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    let records: Vec<_> = shards
        .into_iter()
        .map(|shard| {
            // Random as ever; only a shard's first one counts, and this is not the first.
            let stream_id = Uuid::new_v4().simple().to_string();
            (shard.partition, Command::from(proposal(stream_id)))
        })
        .collect();
    spawn_blocking(move || {
        eventlog::control_records::append(&connection, "spillway-rules", &records)
    })
    .await??;
    words::say(&format!(
        "{} revision {revision} is proposed; nothing is decided by it",
        words::tick()
    ));
    let given: String = changes
        .iter()
        .filter(|change| change.what != RULES)
        .map(|change| format!(" --parameter {}={}", change.what, change.then))
        .collect();
    words::next(&format!(
        "spillway rules try {rules}{given} --since 1h, then spillway rules activate {revision}"
    ));
    Ok(ExitCode::SUCCESS)
}

/// What differs, the code version first.
fn changes(now: (i32, &Parameters), then: (i32, &Parameters)) -> Vec<Change> {
    let rules = Change { what: RULES.to_owned(), now: now.0.into(), then: then.0.into() };
    let pairs = by_name(now.1).into_iter().zip(by_name(then.1).into_values());
    let parameters = pairs.map(|((what, now), then)| Change { what, now, then });
    std::iter::once(rules).chain(parameters).filter(|change| change.now != change.then).collect()
}

#[cfg(test)]
mod tests {
    use events::profile::Profile;

    use super::*;

    #[test]
    fn a_plan_names_what_changes_and_nothing_else() {
        let now = Profile::LOCAL.parameters();
        let then = Parameters { payment_deadline_ms: 60_000, ..now };
        let rows: Vec<Vec<String>> =
            changes((1, &now), (2, &then)).iter().map(Row::cells).collect();
        assert_eq!(rows, [["rules", "1", "2"], ["payment_deadline_ms", "900000", "60000"]]);
        assert!(changes((1, &now), (1, &now)).is_empty());
    }
}
