//! Names of the metrics of query-api, and what they count.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Rows that were answered; labels `read_model` and `tier`.
pub const CACHE_ANSWERS: &str = "query_cache_answers_total";
/// Questions to Redis that failed, by `reason`: `slow`, `error`, `unreadable`, or `breaker` where none
/// was asked.
pub const SHARED_FAILURES: &str = "query_cache_shared_failures_total";
/// Time that requests spent waiting for a projection; label `read_model` and how it `ended`.
pub const POSITION_WAIT: &str = "query_position_wait_seconds";
/// Connections of the requests' pool; label `state`: `used` or `idle`.
pub const CONNECTIONS: &str = "query_database_connections";
/// Connections that the pool may have.
pub const CONNECTIONS_MAX: &str = "query_database_connections_max";
/// Streams that are open; label `stream`.
pub const STREAMS_OPEN: &str = "query_streams_open";
/// Streams that this process ended; label `why`.
pub const STREAMS_ENDED: &str = "query_streams_ended_total";

/// Describes all of them to the installed recorder, and tells that nothing has failed yet: an alert on a
/// counter that is not there would never fire.
pub(crate) fn describe() {
    describe_counter!(CACHE_ANSWERS, "Rows that were answered, by tier.");
    describe_counter!(SHARED_FAILURES, "Questions to Redis that failed, or were not asked.");
    describe_histogram!(POSITION_WAIT, Unit::Seconds, "Time spent waiting for a position.");
    describe_gauge!(CONNECTIONS, "Connections to PostgreSQL for requests, by state.");
    describe_gauge!(CONNECTIONS_MAX, "Connections to PostgreSQL for requests that there may be.");
    describe_gauge!(STREAMS_OPEN, "Streams that are open.");
    describe_counter!(STREAMS_ENDED, "Streams that this process ended, by why.");
    for reason in ["slow", "error", "unreadable", "breaker"] {
        counter!(SHARED_FAILURES, "reason" => reason).increment(0);
    }
    for why in ["slow", "gone", "stopping", "unavailable"] {
        counter!(STREAMS_ENDED, "why" => why).increment(0);
    }
}
