//! Names of the metrics of the projector, and what they count.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::{fact::class, projection::registered};

/// Facts that changed rows; label `projection`.
pub const EVENTS_APPLIED: &str = "projector_events_applied_total";
/// Batches, each one transaction; labels `projection`, `outcome` (`applied`, `conflict`, `failed`).
pub const BATCHES: &str = "projector_batches_total";
/// Time from the first attempt to the commit of a batch; label `projection`.
pub const BATCH_SECONDS: &str = "projector_batch_seconds";
/// Time from the log time of a slice's oldest fact to its commit; label `projection`.
pub const VISIBLE_SECONDS: &str = "projector_event_to_visible_seconds";
/// Records between what is applied and the end of the partition; labels `projection`, `topic`,
/// `partition`.
pub const LAG_EVENTS: &str = "projector_lag_events";
/// Age of the oldest record that is read and not applied; 0 at the end of the partition, however
/// old the last event there is; labels as above.
pub const LAG_SECONDS: &str = "projector_lag_seconds";
/// Gaps that opened; labels as above.
pub const GAPS: &str = "projector_gaps_total";
/// 1 while a gap is open; labels as above.
pub const GAP_OPEN: &str = "projector_gap_open";
/// Records seen before; label `projection`.
pub const REPEATS: &str = "projector_repeats_total";
/// Repeats with another chain than the checkpoint's; labels as above. Any is an alarm.
pub const CONTRADICTIONS: &str = "projector_chain_contradictions_total";
/// Times that a reader went on behind records that retention took unread; labels as above.
pub const LOSSES: &str = "projector_retention_losses_total";
/// Records put aside; labels `projection`, `class`.
pub const DEAD_LETTERS: &str = "projector_dead_letters_total";
/// Keys parked; label `projection`.
pub const PARKED_KEYS: &str = "projector_parked_keys_total";
/// Dead letters that wait in the live builds, counted in PostgreSQL; labels `projection`, `class`.
/// Every instance tells the same number.
pub const LETTERS_WAITING: &str = "projector_dead_letters_waiting";
/// Keys that wait, as above; label `projection`.
pub const PARKED_KEYS_WAITING: &str = "projector_parked_keys_waiting";
/// Age of the oldest dead letter, as above; label `projection`.
pub const LETTERS_AGE: &str = "projector_dead_letter_age_seconds";
/// Partitions that this process works on; label `projection`.
pub const PARTITIONS: &str = "projector_partitions";
/// Connections of the pool to PostgreSQL; label `state`: `used` or `idle`.
pub const CONNECTIONS: &str = "projector_database_connections";
/// Connections that the pool may have.
pub const CONNECTIONS_MAX: &str = "projector_database_connections_max";

/// Describes all of them to the installed recorder.
pub fn describe() {
    let counters = [
        (EVENTS_APPLIED, "facts that changed rows"),
        (BATCHES, "batches, each one transaction"),
        (GAPS, "gaps that opened in a partition"),
        (REPEATS, "records that were seen before and skipped"),
        (
            CONTRADICTIONS,
            "repeats whose chain is not the checkpoint's: two opinions about one step",
        ),
        (LOSSES, "times that a reader went on behind records that retention took unread"),
        (DEAD_LETTERS, "records put aside as dead letters"),
        (PARKED_KEYS, "keys whose later events wait"),
    ];
    for (name, text) in counters {
        describe_counter!(name, Unit::Count, text);
    }
    let gauges = [
        (LAG_EVENTS, Unit::Count, "records between what is applied and the end"),
        (LAG_SECONDS, Unit::Seconds, "age of the oldest record that is read and not applied"),
        (GAP_OPEN, Unit::Count, "1 while a gap is open"),
        (PARTITIONS, Unit::Count, "partitions that this process works on"),
        (LETTERS_WAITING, Unit::Count, "dead letters that wait, counted in PostgreSQL"),
        (PARKED_KEYS_WAITING, Unit::Count, "keys whose events wait, counted in PostgreSQL"),
        (LETTERS_AGE, Unit::Seconds, "age of the oldest dead letter"),
        (CONNECTIONS, Unit::Count, "connections to PostgreSQL, by state"),
        (CONNECTIONS_MAX, Unit::Count, "connections to PostgreSQL that there may be"),
    ];
    for (name, unit, text) in gauges {
        describe_gauge!(name, unit, text);
    }
    describe_histogram!(
        BATCH_SECONDS,
        Unit::Seconds,
        "from the first attempt to the commit of a batch"
    );
    describe_histogram!(
        VISIBLE_SECONDS,
        Unit::Seconds,
        "from the log time of a slice's oldest fact to its commit"
    );
    begin();
}

/// Tells that nothing was counted yet: an alert on a counter that is not there would never fire.
fn begin() {
    for projection in registered() {
        let name = projection.name;
        for counted in [EVENTS_APPLIED, REPEATS, PARKED_KEYS] {
            counter!(counted, "projection" => name).increment(0);
        }
        for outcome in ["applied", "conflict", "failed"] {
            counter!(BATCHES, "projection" => name, "outcome" => outcome).increment(0);
        }
        for class in [class::FOREIGN_RECORD, class::UNFIT] {
            counter!(DEAD_LETTERS, "projection" => name, "class" => class).increment(0);
            gauge!(LETTERS_WAITING, "projection" => name, "class" => class).set(0);
        }
        for waiting in [PARKED_KEYS_WAITING, LETTERS_AGE] {
            gauge!(waiting, "projection" => name).set(0);
        }
    }
}
