//! What the processor counts. Labels are bounded: kinds, partitions and codes.

use std::time::Duration;

use events::ShardId;
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
const OUTSTANDING: &str = "spillway_processor_outstanding_outputs";
const OWNED: &str = "spillway_shard_owned";
const LAG: &str = "spillway_shard_lag_seconds";
const RULES_REVISION: &str = "spillway_shard_rules_revision";
const RULES_VERSION: &str = "spillway_shard_rules_version";

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
    describe_gauge!(OWNED, "1 for a shard that is assigned to this instance, 0 once it is not.");
    describe_gauge!(
        LAG,
        Unit::Seconds,
        "Age of the newest stepped command while there are more; 0 for a shard that waits for one."
    );
    describe_gauge!(OUTSTANDING, "Records that are written and not acknowledged by the log.");
    describe_gauge!(RULES_REVISION, "Revision of the rules in force; 0 before there are any.");
    describe_gauge!(RULES_VERSION, "Version of the code that they name.");
    // An alert on a counter that is not there would never fire.
    counter!(DOUBTS).increment(0);
    counter!(STEPS).increment(0);
    counter!(OUTPUTS).increment(0);
    for label in ["repeat", "gap", "replayed", "stale", "refused", "dead-letter"] {
        counter!(NOTICES, "notice" => label).increment(0);
    }
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

pub(super) fn halted(shard: ShardId, is_halted: bool) {
    gauge!(HALTED, &labels(shard)).set(if is_halted { 1.0 } else { 0.0 });
}

pub(super) fn owned(shard: ShardId, is_owned: bool) {
    gauge!(OWNED, &labels(shard)).set(if is_owned { 1.0 } else { 0.0 });
    halted(shard, false);
}

pub(super) fn counted(census: Census, outstanding: usize) {
    gauge!(OUTSTANDING).set(u32::try_from(outstanding).unwrap_or(u32::MAX));
    let Census { live, restoring, halted } = census;
    for (status, count) in [("live", live), ("restoring", restoring), ("halted", halted)] {
        gauge!(SHARDS, "status" => status).set(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

pub(super) fn restored(shard: ShardId, took: Duration) {
    gauge!(RESTORE, &labels(shard)).set(took.as_secs_f64());
}

fn labels(shard: ShardId) -> [(&'static str, String); 2] {
    [("kind", shard.kind.as_str().to_owned()), ("partition", shard.partition.to_string())]
}

pub(super) fn observe(owner: &Owner, lag: Duration) {
    let labels = labels(owner.shard());
    gauge!(LAG, &labels).set(lag.as_secs_f64());
    // Gauges are floating point by the exposition format; counts here stay far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let set = |name: &'static str, value: i64| gauge!(name, &labels).set(value as f64);
    set(NEXT_OFFSET, owner.state().next_offset());
    set(FRONTIER, owner.frontier());
    let state = owner.state();
    let rules = state.rules();
    set(RULES_REVISION, rules.map_or(0, |rules| rules.revision));
    set(RULES_VERSION, rules.map_or(0, |rules| i64::from(rules.rules)));
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
