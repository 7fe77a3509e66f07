//! What the processor counts. Labels are bounded: kinds, partitions and codes.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use shard::{Notice, owner::Owner, processor::Census};

const STEPS: &str = "spillway_shard_steps_total";
const OUTPUTS: &str = "spillway_shard_outputs_total";
const NOTICES: &str = "spillway_shard_notices_total";
const DOUBTS: &str = "spillway_processor_doubts_total";
const HALTED: &str = "spillway_shard_halted";
const SHARDS: &str = "spillway_processor_shards";
const NEXT_OFFSET: &str = "spillway_shard_next_offset";
const FRONTIER: &str = "spillway_shard_frontier_offset";
const DEDUP: &str = "spillway_shard_dedup_entries";
const LIVE: &str = "spillway_shard_live_aggregates";
const TOMBSTONES: &str = "spillway_shard_tombstones";
const DEADLINES: &str = "spillway_shard_deadlines";
const STATE_BYTES: &str = "spillway_shard_state_bytes";
const RESTORE: &str = "spillway_shard_restore_seconds";

pub(super) fn describe() {
    describe_counter!(STEPS, "Records that shards of this instance have stepped live.");
    describe_counter!(OUTPUTS, "Records that these steps wrote.");
    describe_counter!(NOTICES, "Repeats, gaps, replays, refusals and the like, by kind of notice.");
    describe_counter!(DOUBTS, "Times the producer was given up and all shards restored.");
    describe_gauge!(HALTED, "1 for a shard that has stopped before a record it must not skip.");
    describe_gauge!(SHARDS, "Shards of this instance, by status: live, restoring, halted.");
    describe_gauge!(NEXT_OFFSET, "Offset of the next command to step.");
    describe_gauge!(FRONTIER, "Lowest offset with an unacknowledged output, else the next offset.");
    describe_gauge!(DEDUP, Unit::Count, "Remembered client commands.");
    describe_gauge!(LIVE, Unit::Count, "Aggregates in the state.");
    describe_gauge!(TOMBSTONES, Unit::Count, "Ids of orders that left the state.");
    describe_gauge!(DEADLINES, Unit::Count, "Payments that are awaited.");
    describe_gauge!(
        STATE_BYTES,
        Unit::Bytes,
        "About how much memory the state takes, estimated from its counts."
    );
    describe_gauge!(RESTORE, Unit::Seconds, "From the assignment of a shard to its being live.");
}

pub(super) fn stepped(outputs: usize, notices: &[Notice]) {
    counter!(STEPS).increment(1);
    counter!(OUTPUTS).increment(outputs as u64);
    for notice in notices {
        let label = match notice {
            Notice::Repeat(_) => "repeat",
            Notice::Gap(_) => "gap",
            Notice::Replayed => "replayed",
            Notice::Stale => "stale",
            Notice::Refused(_) => "refused",
            Notice::DeadLetter(_) => "dead-letter",
            Notice::ForeignTimestamp => "foreign-timestamp",
            Notice::RulesActivated(_) => "rules-activated",
            Notice::IncarnationRaised(_) => "incarnation-raised",
            Notice::Expired(_) => "tick",
        };
        counter!(NOTICES, "notice" => label).increment(1);
    }
}

pub(super) fn doubted() {
    counter!(DOUBTS).increment(1);
}

pub(super) fn halted(shard: events::ShardId, is_halted: bool) {
    gauge!(HALTED, "kind" => shard.kind.as_str(), "partition" => shard.partition.to_string())
        .set(if is_halted { 1.0 } else { 0.0 });
}

pub(super) fn counted(census: Census) {
    let Census { live, restoring, halted } = census;
    for (status, count) in [("live", live), ("restoring", restoring), ("halted", halted)] {
        gauge!(SHARDS, "status" => status).set(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

pub(super) fn restored(shard: events::ShardId, took: Duration) {
    gauge!(RESTORE, "kind" => shard.kind.as_str(), "partition" => shard.partition.to_string())
        .set(took.as_secs_f64());
}

pub(super) fn observe(owner: &Owner) {
    let shard = owner.shard();
    let labels =
        [("kind", shard.kind.as_str().to_owned()), ("partition", shard.partition.to_string())];
    // Gauges are floating point by the exposition format; counts here stay far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let set = |name: &'static str, value: i64| gauge!(name, &labels).set(value as f64);
    set(NEXT_OFFSET, owner.state().next_offset());
    set(FRONTIER, owner.frontier());
    let state = owner.state();
    for (name, size) in [
        (DEDUP, state.dedup_entries()),
        (LIVE, state.live_aggregates()),
        (TOMBSTONES, state.tombstones()),
        (DEADLINES, state.deadlines()),
        (STATE_BYTES, state.bytes_estimated()),
    ] {
        set(name, i64::try_from(size).unwrap_or(i64::MAX));
    }
}
