//! What the command logs say about rules.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use eventlog::{Connection, LogReader, Partition, Timestamp};
use events::{Millis, ShardId, command::Parameters, profile::Profile};
use serde_json::Value;
use shard::{Revision, RulesLog};
use tokio::task::spawn_blocking;

use super::memory::Past;
use crate::{
    command_log::{self, SILENCE_MAX},
    log_start::{StartArgs, Starts},
};

const CLIENT_ID: &str = "spillway-rules";

/// The rules of one shard at the end of its log.
#[derive(Debug)]
pub(crate) struct ShardRules {
    pub(crate) shard: ShardId,
    pub(crate) partition: Partition,
    pub(crate) rules: RulesLog,
    /// What was in force before, as far as the log is left.
    pub(super) past: Vec<Past>,
    /// Time of the log's last record.
    pub(super) now: Millis,
}

/// Reads the command logs of all shards, from where they begin.
pub(super) async fn read(
    connection: &Connection,
    start: &StartArgs,
) -> anyhow::Result<Vec<ShardRules>> {
    let (connection, start) = (connection.clone(), start.clone());
    spawn_blocking(move || read_all(&connection, &start)).await?
}

/// Reads the command logs of all shards of a profile but these.
pub(crate) async fn read_others(
    connection: &Connection,
    start: &StartArgs,
    profile: &Profile,
    but: &[ShardId],
) -> anyhow::Result<Vec<ShardRules>> {
    let (connection, parameters, but) = (connection.clone(), profile.parameters(), but.to_vec());
    let start = start.clone();
    let read = move || {
        let starts = start.open(&connection, CLIENT_ID)?;
        let mut reader = LogReader::open(&connection, CLIENT_ID)?;
        let partitions = command_log::partitions(&parameters).into_iter();
        let left = partitions.filter(|p| p.shard().is_some_and(|shard| !but.contains(&shard)));
        left.map(|partition| read_one(&mut reader, &starts, partition)).collect()
    };
    spawn_blocking(read).await?
}

fn read_all(connection: &Connection, start: &StartArgs) -> anyhow::Result<Vec<ShardRules>> {
    let starts = start.open(connection, CLIENT_ID)?;
    let mut reader = LogReader::open(connection, CLIENT_ID)?;
    let parameters = starts.parameters(&mut reader)?;
    let partitions = command_log::partitions(&parameters).into_iter();
    partitions.map(|partition| read_one(&mut reader, &starts, partition)).collect()
}

fn read_one(
    reader: &mut LogReader,
    starts: &Starts,
    partition: Partition,
) -> anyhow::Result<ShardRules> {
    let shard = partition.shard().context("a command partition is a shard")?;
    let state = starts.state(reader, &partition)?;
    let (from, mut now, mut rules) = (state.next_offset(), state.now(), RulesLog::at(&state));
    let mut past = Vec::new();
    drop(state);
    reader
        .read_to_end(&[(partition.clone(), from)], SILENCE_MAX, |record| {
            let before = rules.active().copied();
            command_log::as_shard_record(&record, |record| rules.read(record));
            if let Timestamp::LogAppend(ms) = record.timestamp {
                now = now.max(ms);
            }
            if let Some(before) = before
                && rules.active() != Some(&before)
            {
                past.push(Past { until: now, dedup_ms: before.parameters.dedup_ms });
            }
            ControlFlow::Continue(())
        })
        .with_context(|| format!("{partition} cannot be read"))?;
    Ok(ShardRules { shard, partition, rules, past, now })
}

/// The highest revision in force: what a change starts from. Shards that have not heard of it yet
/// will, by its record or by a follow-up.
///
/// # Errors
/// A shard has no rules yet.
pub(crate) fn newest(shards: &[ShardRules]) -> anyhow::Result<Revision> {
    let active: Option<Vec<&Revision>> = shards.iter().map(|shard| shard.rules.active()).collect();
    let newest = active.and_then(|all| all.into_iter().max_by_key(|active| active.revision));
    newest.copied().context("a shard has no rules yet: run `spillway topics apply`")
}

/// The time by which what is written now will be decided, as far as the own clock and the logs tell.
pub(super) fn now(shards: &[ShardRules]) -> Millis {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let clock = Millis::try_from(clock).unwrap_or(Millis::MAX);
    shards.iter().map(|shard| shard.now).fold(clock, Millis::max)
}

/// The highest revision that any shard knows.
pub(super) fn highest(shards: &[ShardRules]) -> i64 {
    let known = shards
        .iter()
        .flat_map(|shard| shard.rules.active().into_iter().chain(shard.rules.proposed()));
    known.map(|revision| revision.revision).max().unwrap_or(0)
}

/// Parameters by name, as the command line names them.
pub(super) fn by_name(parameters: &Parameters) -> BTreeMap<String, i64> {
    match serde_json::to_value(parameters) {
        Ok(Value::Object(fields)) => {
            let numbers = fields.into_iter();
            numbers.filter_map(|(name, value)| Some((name, value.as_i64()?))).collect()
        }
        _ => BTreeMap::new(),
    }
}
