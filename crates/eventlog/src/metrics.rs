//! Names of the metrics that this crate writes, and what they count.

use metrics::{Unit, counter, describe_counter};

/// Errors that a client reported about its connections; label `client`.
pub const CLIENT_ERRORS: &str = "eventlog_client_errors_total";
/// Offset commits that failed; harmless, because a stale commit only causes repeats.
pub const COMMIT_FAILURES: &str = "eventlog_commit_failures_total";
/// Reports that put the producer's word in doubt; label `reason`.
pub const DOUBTS: &str = "eventlog_producer_doubts_total";
/// Acknowledgements whose time and this machine's clock cannot both be right; label `broker` says
/// whether the broker is `ahead` or `behind`.
pub const CLOCK_DIFFERENCES: &str = "eventlog_clock_differences_total";
/// Schemas fetched from the registry because no reader here had met them yet.
pub const SCHEMA_FETCHES: &str = "eventlog_schema_fetches_total";

/// Describes all of them to the installed recorder, and tells that nothing was counted yet: an alert on a
/// counter that is not there would never fire.
pub fn describe() {
    describe_counter!(
        CLIENT_ERRORS,
        Unit::Count,
        "errors that a Kafka client reported about its connections"
    );
    describe_counter!(
        COMMIT_FAILURES,
        Unit::Count,
        "offset commits that failed; they only cause repeats"
    );
    describe_counter!(
        DOUBTS,
        Unit::Count,
        "reports after which a producer's word cannot be trusted"
    );
    describe_counter!(
        CLOCK_DIFFERENCES,
        Unit::Count,
        "acknowledgements by a broker whose clock differs from this machine's"
    );
    describe_counter!(SCHEMA_FETCHES, Unit::Count, "schemas fetched from the registry");
    for client in ["producer", "member", "reader"] {
        counter!(CLIENT_ERRORS, "client" => client).increment(0);
    }
    for reason in ["failed", "suspect", "fatal", "stalled"] {
        counter!(DOUBTS, "reason" => reason).increment(0);
    }
    for broker in ["ahead", "behind"] {
        counter!(CLOCK_DIFFERENCES, "broker" => broker).increment(0);
    }
    counter!(COMMIT_FAILURES).increment(0);
    counter!(SCHEMA_FETCHES).increment(0);
}
