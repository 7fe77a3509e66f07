//! The end of an event partition is lost on every copy, and an operator repairs its shard.

use anyhow::Context as _;
use eventlog::Partition;
use events::{Kind, ShardId, Topic, header::View};

use crate::{System, until};

/// Loses the last batch of a shard's events under load, and has everything sent again from the last
/// event that is left.
///
/// # Errors
/// The brokers do not come back, or the shard cannot be repaired in time.
pub(super) async fn lose(system: &System, kind: Kind, partition: i32) -> anyhow::Result<()> {
    let events = Partition::of(Topic::Events(kind), partition);
    let Some(end) = system.lose_last_batch(&events).await? else { return Ok(()) };
    let records = system.log.read(events).await?;
    let left = records.iter().rev().filter(|record| record.offset < end);
    let origin = left.filter_map(|record| View(&record.headers()).origin()).next();
    let from = origin.map_or(0, |origin| origin.offset).to_string();
    let shard = ShardId::new(kind, partition).to_string();
    until("the shard is repaired", async || {
        let verb = ["repair", "--shard", &shard, "--from", &from, "--yes"];
        system.tool.done(&verb).await.context("repair").map(drop)
    })
    .await
}
