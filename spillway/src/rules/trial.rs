//! `spillway rules try`: a stretch of the log, decided again under other rules.
//!
//! Every shard is stepped from the start of its log, or from its oldest snapshot where that is gone.
//! From the start of the stretch on, each record is decided twice on the state that it really met: as
//! it was, and under the rules that are tried. Nothing is written, and a difference never follows from
//! another one.

use std::{ops::ControlFlow, process::ExitCode, time::SystemTime};

use anyhow::Context as _;
use eventlog::{Connection, LogReader, Partition, Record, Timestamp};
use events::command::Parameters;
use serde::Serialize;
use shard::{
    Revision, step,
    trial::{Trial, try_step},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    TargetArgs, check_known,
    log::{self, ShardRules},
    told,
};
use crate::{
    command_log::{SILENCE_MAX, as_shard_record},
    log_start::Starts,
    output::{self, Row},
    profile::ParameterArgs,
    since::{Since, Start},
    words,
};

/// Decides a stretch of the log again under other rules, and shows what would differ.
///
/// Example: spillway rules try 2 --since 1h
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Version of the code that decides.
    #[arg(value_name = "RULES")]
    rules: i32,
    /// Where the stretch begins: a while ago (90s, 30m, 1h, 7d), an instant
    /// (2026-11-27T09:00:00Z), an offset of every shard, or `beginning`.
    #[arg(long, value_name = "WHERE")]
    since: Since,
    /// Most differences that are told one by one; all are counted.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
    /// What is not named stays as it is in force.
    #[command(flatten)]
    parameters: ParameterArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// A decision that would differ.
#[derive(Debug, Serialize)]
struct Difference {
    shard: String,
    offset: i64,
    /// The client command that it stems from; absent for ticks.
    command_id: Option<Uuid>,
    command: &'static str,
    /// The aggregate: the record's key.
    key: String,
    was: String,
    would: String,
}

impl Row for Difference {
    const HEAD: &'static [&'static str] =
        &["shard", "offset", "command id", "command", "key", "was", "would be"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.shard.clone(),
            self.offset.to_string(),
            self.command_id.map(|id| id.to_string()).unwrap_or_default(),
            self.command.to_owned(),
            self.key.clone(),
            self.was.clone(),
            self.would.clone(),
        ]
    }
}

/// What was found in all shards.
#[derive(Debug, Default)]
struct Found {
    records: u64,
    total: u64,
    told: Vec<Difference>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    check_known(args.rules)?;
    let connection = args.target.connection();
    let shards = log::read(&connection, &args.target.start).await?;
    let parameters = args.parameters.over(log::newest(&shards)?.parameters)?;
    let next = next(&shards, args.rules, &args.parameters, &parameters)?;
    let revision = log::highest(&shards) + 1;
    let candidate = Revision { revision, rules: args.rules, parameters };
    let (start, limit) = (args.since.start(SystemTime::now()), args.limit);
    let partitions: Vec<Partition> = shards.into_iter().map(|shard| shard.partition).collect();
    let from = args.target.start.clone();
    let attempt = move || {
        let starts = from.open(&connection, "spillway-rules")?;
        try_all(&connection, &starts, partitions, &candidate, start, limit)
    };
    let found = spawn_blocking(attempt).await??;
    output::print(args.target.output.output, &found.told)?;
    words::say(&format!("{} of {} decisions would differ", found.total, found.records));
    if found.total > found.told.len() as u64 {
        words::say(&format!("the first {} are told; --limit tells more", found.told.len()));
    }
    words::next(&next);
    Ok(ExitCode::SUCCESS)
}

/// What would bring these rules into force: a proposal, or, where there is one, its activation. Nothing
/// more, where they are in force.
fn next(
    shards: &[ShardRules],
    rules: i32,
    said: &ParameterArgs,
    parameters: &Parameters,
) -> anyhow::Result<String> {
    let are_these = |known: &Revision| (known.rules, &known.parameters) == (rules, parameters);
    let mut proposed = shards.iter().flat_map(|shard| shard.rules.proposed());
    Ok(if are_these(&log::newest(shards)?) {
        "spillway rules list  # these are in force".to_owned()
    } else if let Some(known) = proposed.find(|known| are_these(known)) {
        format!("spillway rules activate {}", known.revision)
    } else {
        format!("spillway rules propose --rules {rules}{said}")
    })
}

fn try_all(
    connection: &Connection,
    starts: &Starts,
    partitions: Vec<Partition>,
    candidate: &Revision,
    start: Start,
    limit: usize,
) -> anyhow::Result<Found> {
    let mut reader = LogReader::open(connection, "spillway-rules")?;
    let mut found = Found::default();
    for partition in partitions {
        try_one(&mut reader, starts, &partition, candidate, start, limit, &mut found)
            .with_context(|| format!("trying {partition}"))?;
    }
    Ok(found)
}

fn try_one(
    reader: &mut LogReader,
    starts: &Starts,
    partition: &Partition,
    candidate: &Revision,
    start: Start,
    limit: usize,
    found: &mut Found,
) -> anyhow::Result<()> {
    let shard = partition.shard().context("a command partition is a shard")?;
    let mut state = starts.state(reader, partition)?;
    let mut begun = false;
    let mut halted = None;
    let from = state.next_offset();
    reader.read_to_end(&[(partition.clone(), from)], SILENCE_MAX, |record| {
        begun = begun || has_begun(start, &record);
        let stepped = as_shard_record(&record, |record| {
            if begun {
                try_step(&mut state, record, candidate).map(|(_, trial)| trial)
            } else {
                step(&mut state, record).map(|_| None)
            }
        });
        match stepped {
            Ok(trial) => found.add(shard.to_string(), record.offset, begun, trial, limit),
            Err(halt) => {
                halted = Some(halt);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    match halted {
        Some(halt) => Err(halt.into()),
        None => Ok(()),
    }
}

fn has_begun(start: Start, record: &Record) -> bool {
    match (start, record.timestamp) {
        (Start::Offset(offset), _) => record.offset >= offset,
        (Start::At(at), Timestamp::LogAppend(ms) | Timestamp::Create(ms)) => ms >= at,
        (Start::At(_), Timestamp::None) | (Start::End, _) => false,
    }
}

impl Found {
    fn add(&mut self, shard: String, offset: i64, begun: bool, trial: Option<Trial>, limit: usize) {
        self.records += u64::from(begun);
        let Some(trial) = trial else { return };
        self.total += 1;
        if self.told.len() < limit {
            self.told.push(Difference {
                shard,
                offset,
                command_id: trial.command_id.map(Uuid::from_u128),
                command: trial.command,
                was: told::decided(&trial.was),
                would: told::decided(&trial.would),
                key: trial.key,
            });
        }
    }
}
