//! The edge's settings, from flags and environment.

use std::time::Duration;

use clap::{Args, value_parser};

/// Settings of the edge role.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Edge")]
pub struct EdgeArgs {
    /// How long a request waits for its reply before it is answered 202, in milliseconds, unless
    /// it carries Prefer: wait.
    #[arg(long, env = "REPLY_TIMEOUT_MS", value_name = "MS", default_value_t = 5_000,
        value_parser = value_parser!(u64).range(1..=600_000))]
    pub reply_timeout_ms: u64,

    /// Longest wait that Prefer: wait=N may ask for, in seconds.
    #[arg(long, env = "WAIT_S_MAX", value_name = "SECONDS", default_value_t = 30,
        value_parser = value_parser!(u64).range(1..=600))]
    pub wait_s_max: u64,

    /// How long the log may take to acknowledge an append before the request is answered 503,
    /// outcome unknown, in milliseconds.
    #[arg(long, env = "APPEND_TIMEOUT_MS", value_name = "MS", default_value_t = 5_000,
        value_parser = value_parser!(u64).range(100..=600_000))]
    pub append_timeout_ms: u64,

    /// Most commands of this instance that wait for their reply; more are answered 503.
    #[arg(long, env = "IN_FLIGHT_MAX", value_name = "COUNT", default_value_t = 20_000,
        value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub in_flight_max: u32,

    /// Most bulk streams (POST /v1/commands and /v1/products:import) at a time; more are answered 503.
    #[arg(long, env = "BULK_STREAMS_MAX", value_name = "COUNT", default_value_t = 16,
        value_parser = value_parser!(u32).range(1..=1_000))]
    pub bulk_streams_max: u32,

    /// Most commands in flight of one bulk stream; the lines of those that are not answered take 1 MiB
    /// at most in any case. What was answered 202 is waited for beside them: once more for the time of
    /// --reply-timeout-ms, and then in 64 MiB at most, of all streams and requests together.
    #[arg(long, env = "BULK_IN_FLIGHT_MAX", value_name = "COUNT", default_value_t = 256,
        value_parser = value_parser!(u32).range(1..=100_000))]
    pub bulk_in_flight_max: u32,

    /// Bound of the wait for a decision, in milliseconds; commands are answered 429 before they are
    /// appended when the estimated wait, which is a mean, is above a quarter of it.
    #[arg(long, env = "ADMISSION_WAIT_MS_MAX", value_name = "MS", default_value_t = 2_000,
        value_parser = value_parser!(u64).range(1..=600_000))]
    pub admission_wait_ms_max: u64,

    /// For how long an order may be turned away (429, probably-sold-out) because its products were
    /// refused for lack of stock a moment ago, in milliseconds; stock that arrives is never missed
    /// for longer. 0: never.
    #[arg(long, env = "SOLD_OUT_HINT_MS", value_name = "MS", default_value_t = 2_000,
        value_parser = value_parser!(u64).range(0..=60_000))]
    pub sold_out_hint_ms: u64,

    /// Estimated wait from which orders are turned away so, in milliseconds: below it every order
    /// is decided.
    #[arg(long, env = "SOLD_OUT_HINT_FROM_MS", value_name = "MS", default_value_t = 250,
        value_parser = value_parser!(u64).range(0..=600_000))]
    pub sold_out_hint_from_ms: u64,
}

/// What the handlers need of them.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Wait for the reply when the request does not say otherwise.
    pub reply_timeout: Duration,
    /// Longest wait that a request may ask for.
    pub wait_max: Duration,
    /// How long the log's own word about an append can take.
    pub append_timeout: Duration,
    /// Most commands in flight.
    pub in_flight_max: usize,
    /// Most bulk streams.
    pub bulk_streams_max: usize,
    /// Most commands in flight of one bulk stream.
    pub bulk_in_flight_max: usize,
    /// Bound of the wait for a decision.
    pub admission_wait_max: Duration,
    /// Longest time for which stock that is there may be missed by a hint; zero: no hints.
    pub sold_out_hint: Duration,
    /// Estimated wait from which hints are used.
    pub sold_out_hint_from: Duration,
}

impl EdgeArgs {
    pub fn settings(&self) -> Settings {
        Settings {
            reply_timeout: Duration::from_millis(self.reply_timeout_ms),
            wait_max: Duration::from_secs(self.wait_s_max),
            append_timeout: Duration::from_millis(self.append_timeout_ms),
            in_flight_max: whole(self.in_flight_max),
            bulk_streams_max: whole(self.bulk_streams_max),
            bulk_in_flight_max: whole(self.bulk_in_flight_max),
            admission_wait_max: Duration::from_millis(self.admission_wait_ms_max),
            sold_out_hint: Duration::from_millis(self.sold_out_hint_ms),
            sold_out_hint_from: Duration::from_millis(self.sold_out_hint_from_ms),
        }
    }
}

/// The bounds of the flags fit every usize that this runs on.
fn whole(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
