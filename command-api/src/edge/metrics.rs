//! What the edge counts. Every label is bounded: shards, codes of this crate, outcome words.

use std::time::Duration;

use events::ShardId;
use metrics::{counter, gauge, histogram};

/// Registers the descriptions; called once, after the recorder was installed.
pub(crate) fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(
        "edge_append_duration_seconds",
        metrics::Unit::Seconds,
        "From the append of a command to its acknowledgement by the log."
    );
    describe_histogram!(
        "edge_reply_duration_seconds",
        metrics::Unit::Seconds,
        "From the append of a command to its reply."
    );
    describe_gauge!("edge_in_flight", "Commands that wait for their reply.");
    describe_gauge!("edge_backlog", "Records of a shard that are appended and not known decided.");
    describe_counter!("edge_refusals_total", "Commands refused by a rule, by code.");
    describe_counter!("edge_admission_refusals_total", "Commands refused before the append.");
    describe_gauge!("edge_sold_out_skus", "SKUs of which a refusal for lack of stock is kept.");
    describe_counter!("edge_append_failures_total", "Appends that were not acknowledged.");
    describe_counter!("edge_stale_total", "Commands answered as stamped too early or too late.");
    describe_counter!("edge_replies_ignored_total", "Replies that nobody waited for, by reason.");
    // An alert on a counter that is not there would never fire.
    let refusals = [
        "overloaded",
        "memory-full",
        "in-flight",
        "buffer-full",
        "log-unavailable",
        "too-large",
        "sold-out",
    ];
    for reason in refusals {
        counter!("edge_admission_refusals_total", "reason" => reason).increment(0);
    }
    for reason in ["unreadable", "foreign", "late", "mismatched"] {
        counter!("edge_replies_ignored_total", "reason" => reason).increment(0);
    }
    counter!("edge_append_failures_total").increment(0);
    counter!("edge_stale_total").increment(0);
    sold_out_skus(0);
}

/// The backlog of one shard.
pub(crate) fn backlog(shard: ShardId) -> metrics::Gauge {
    gauge!("edge_backlog", "shard" => shard.to_string())
}

pub(crate) fn in_flight() -> metrics::Gauge {
    gauge!("edge_in_flight")
}

pub(crate) fn acknowledged(after: Duration) {
    histogram!("edge_append_duration_seconds").record(after);
}

pub(crate) fn replied(after: Duration) {
    histogram!("edge_reply_duration_seconds").record(after);
}

/// `code` must be one of this program's own words.
pub(crate) fn refused(code: &'static str) {
    counter!("edge_refusals_total", "code" => code).increment(1);
}

/// `reason` must be one of this program's own words.
pub(crate) fn not_admitted(reason: &'static str) {
    counter!("edge_admission_refusals_total", "reason" => reason).increment(1);
}

pub(crate) fn sold_out_skus(count: usize) {
    // A few thousand at most.
    #[allow(clippy::cast_precision_loss)]
    gauge!("edge_sold_out_skus").set(count as f64);
}

pub(crate) fn append_failed() {
    counter!("edge_append_failures_total").increment(1);
}

pub(crate) fn stale() {
    counter!("edge_stale_total").increment(1);
}

/// `reason` must be one of this program's own words.
pub(crate) fn reply_ignored(reason: &'static str) {
    counter!("edge_replies_ignored_total", "reason" => reason).increment(1);
}
