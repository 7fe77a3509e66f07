//! When to try again: delays that grow to a bound, without an end.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const DELAY_MIN: Duration = Duration::from_millis(50);
const DELAY_MAX: Duration = Duration::from_secs(3);

/// The state of something that is tried until it succeeds.
#[derive(Debug)]
pub(super) struct Retry {
    delays: ExponentialBackoff,
    failures_count: u32,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self {
            delays: ExponentialBuilder::default()
                .with_min_delay(DELAY_MIN)
                .with_max_delay(DELAY_MAX)
                .with_jitter()
                .without_max_times()
                .build(),
            failures_count: 0,
        }
    }

    /// An attempt failed; the next one is due after this time.
    pub(super) fn failed(&mut self) -> Duration {
        self.failures_count += 1;
        self.delays.next().unwrap_or(DELAY_MAX)
    }

    /// Attempts that failed so far.
    pub(super) fn failures_count(&self) -> u32 {
        self.failures_count
    }
}
