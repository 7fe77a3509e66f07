//! What the command logs say about rules.

use std::{collections::BTreeMap, ops::ControlFlow};

use anyhow::Context as _;
use eventlog::{Connection, LogReader, Partition};
use events::{ShardId, command::Parameters, profile::Profile};
use serde_json::Value;
use shard::{Revision, RulesLog};
use tokio::task::spawn_blocking;

use crate::command_log;

/// The rules of one shard at the end of its log.
#[derive(Debug)]
pub(crate) struct ShardRules {
    pub(crate) shard: ShardId,
    pub(crate) partition: Partition,
    pub(crate) rules: RulesLog,
}

/// Reads the command logs of all shards, from their first records.
pub(super) async fn read(connection: &Connection) -> anyhow::Result<Vec<ShardRules>> {
    let connection = connection.clone();
    spawn_blocking(move || read_all(&connection)).await?
}

/// Reads the command logs of all shards of a profile but these.
pub(crate) async fn read_others(
    connection: &Connection,
    profile: &Profile,
    but: &[ShardId],
) -> anyhow::Result<Vec<ShardRules>> {
    let (connection, parameters, but) = (connection.clone(), profile.parameters(), but.to_vec());
    let read = move || {
        let mut reader = LogReader::open(&connection, "spillway-rules")?;
        let partitions = command_log::partitions(&parameters).into_iter();
        let left = partitions.filter(|p| p.shard().is_some_and(|shard| !but.contains(&shard)));
        left.map(|partition| read_one(&mut reader, partition)).collect()
    };
    spawn_blocking(read).await?
}

fn read_all(connection: &Connection) -> anyhow::Result<Vec<ShardRules>> {
    let mut reader = LogReader::open(connection, "spillway-rules")?;
    let parameters = command_log::first_parameters(&mut reader)?;
    let partitions = command_log::partitions(&parameters).into_iter();
    partitions.map(|partition| read_one(&mut reader, partition)).collect()
}

fn read_one(reader: &mut LogReader, partition: Partition) -> anyhow::Result<ShardRules> {
    let mut rules = RulesLog::default();
    command_log::read_whole(reader, &partition, |record| {
        command_log::as_shard_record(record, |record| rules.read(record));
        ControlFlow::Continue(())
    })
    .with_context(|| format!("{partition} cannot be read"))?;
    let shard = partition.shard().context("a command partition is a shard")?;
    Ok(ShardRules { shard, partition, rules })
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
