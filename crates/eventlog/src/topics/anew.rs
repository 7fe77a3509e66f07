//! Command logs that are gone although their shards have written: what must not be made again in
//! silence.
//!
//! The command log is the truth, and nothing gives it back. A shard whose log begins again begins
//! empty, so everything that it ever wrote must be told from what it writes from now on: by a higher
//! incarnation (PROTOCOL, identity of an output).

use std::{fmt, ops::ControlFlow, time::Duration};

use events::{Kind, ShardId, Topic, header::View};

use super::first_records::WriteError;
use crate::{Connection, LogReader, Partition};

/// How long a partition may take to be read on.
const PATIENCE: Duration = Duration::from_secs(30);
/// Strangers' records that may stand behind the last one of a shard.
const STRANGERS_MAX: i64 = 100;

/// Shards whose logs were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub shards: Vec<ShardId>,
    /// Above those of everything that any shard has written.
    pub incarnation: i64,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards: Vec<String> = self.shards.iter().map(ShardId::to_string).collect();
        write!(
            f,
            "{} have written events, but their command logs are gone, and nothing gives these back: \
             restore the brokers' data, or give up what the shards held with `spillway topics apply \
             --begin-anew`, while no command-api runs",
            shards.join(", ")
        )
    }
}

/// Looks whether shards without a log have written events. Blocks. `shards` are all there are whose
/// events topic exists.
pub(super) fn look(
    connection: &Connection,
    empty: &[ShardId],
    shards: &[ShardId],
) -> Result<Option<Lost>, WriteError> {
    let mut reader = LogReader::open(connection, "spillway-topics")?;
    let mut lost = Vec::new();
    for shard in empty.iter().filter(|shard| shards.contains(shard)) {
        let events = Partition::of(Topic::Events(shard.kind), shard.partition);
        if reader.watermarks(&events)?.high > 0 {
            lost.push(*shard);
        }
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let mut incarnation = 0;
    for shard in shards {
        incarnation = incarnation.max(last_incarnation(&mut reader, *shard)?);
    }
    Ok(Some(Lost { shards: lost, incarnation: incarnation + 1 }))
}

/// The incarnation of the last event of a shard. Whatever a shard has written in a later one without
/// any event is no follow-up, so nobody waits for what comes behind it.
fn last_incarnation(reader: &mut LogReader, shard: ShardId) -> Result<i64, WriteError> {
    let events = Partition::of(Topic::Events(shard.kind), shard.partition);
    let watermarks = reader.watermarks(&events)?;
    let start = watermarks.low.max(watermarks.high - STRANGERS_MAX);
    let mut incarnation = 0;
    reader.read_to_end(&[(events, start)], PATIENCE, |record| {
        if let Some((source, mark)) = View(&record.headers()).link()
            && source == shard
        {
            incarnation = incarnation.max(mark.incarnation);
        }
        ControlFlow::Continue(())
    })?;
    Ok(incarnation)
}

/// The shards of a deployment whose events topics are among these.
pub(super) fn shards(
    profile: &events::profile::Profile,
    exists: impl Fn(Topic) -> bool,
) -> Vec<ShardId> {
    let kinds = Kind::ALL.into_iter().filter(|kind| exists(Topic::Events(*kind)));
    kinds
        .flat_map(|kind| {
            let partitions = 0..profile.partitions(Topic::Events(kind));
            partitions.map(move |partition| ShardId::new(kind, partition))
        })
        .collect()
}
