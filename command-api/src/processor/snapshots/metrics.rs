//! What is counted of snapshots, by shard.

use std::time::Duration;

use events::{Millis, ShardId};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const OFFSET: &str = "spillway_snapshot_offset";
const AGE: &str = "spillway_snapshot_age_seconds";
const BYTES: &str = "spillway_snapshot_bytes";
const SECONDS: &str = "spillway_snapshot_seconds";
const FAILURES: &str = "spillway_snapshot_failures_total";
const CONFLICTS: &str = "spillway_snapshot_conflicts_total";

pub(super) fn describe() {
    describe_gauge!(OFFSET, "Next offset of the shard's newest snapshot.");
    describe_gauge!(AGE, Unit::Seconds, "Time since the shard's newest snapshot was written.");
    describe_gauge!(BYTES, Unit::Bytes, "Size of the shard's state, as its last snapshot has it.");
    describe_gauge!(SECONDS, Unit::Seconds, "How long the last snapshot took, beside the shard.");
    describe_counter!(FAILURES, "Snapshots that were due and could not be taken.");
    describe_counter!(
        CONFLICTS,
        "Snapshots whose name held another state. An alarm: two opinions about one log."
    );
}

// Gauges are floating point by the exposition format; offsets and sizes stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn last(shard: ShardId, next_offset: i64, written_at: Millis, age_ms: Millis) {
    // An alert on a counter that is not there would never fire.
    for counted in [FAILURES, CONFLICTS] {
        counter!(counted, &labels(shard)).increment(0);
    }
    gauge!(OFFSET, &labels(shard)).set(next_offset as f64);
    if written_at > 0 {
        gauge!(AGE, &labels(shard)).set(age_ms.max(0) as f64 / 1000.0);
    }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn taken(shard: ShardId, bytes: usize, took: Duration) {
    gauge!(BYTES, &labels(shard)).set(bytes as f64);
    gauge!(SECONDS, &labels(shard)).set(took.as_secs_f64());
}

pub(super) fn failed(shard: ShardId, is_conflict: bool) {
    counter!(FAILURES, &labels(shard)).increment(1);
    if is_conflict {
        counter!(CONFLICTS, &labels(shard)).increment(1);
    }
}

fn labels(shard: ShardId) -> [(&'static str, String); 2] {
    [("kind", shard.kind.as_str().to_owned()), ("partition", shard.partition.to_string())]
}
