//! When to try again: delays that grow to a bound, without an end.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const DELAY_MIN: Duration = Duration::from_millis(50);
const DELAY_MAX: Duration = Duration::from_secs(3);

/// The state of something that is tried until it succeeds. The caller does the waiting, because it
/// has to keep its group membership alive meanwhile.
#[derive(Debug)]
pub(super) struct Retry {
    delays: ExponentialBackoff,
    due: Instant,
    failures_count: u32,
}

impl Retry {
    /// Due now.
    pub(super) fn new() -> Self {
        Self {
            delays: ExponentialBuilder::default()
                .with_min_delay(DELAY_MIN)
                .with_max_delay(DELAY_MAX)
                .with_jitter()
                .without_max_times()
                .build(),
            due: Instant::now(),
            failures_count: 0,
        }
    }

    /// How long to wait until the next attempt; zero when it is due.
    pub(super) fn remaining(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// The attempt failed: the next one is due later.
    pub(super) fn failed(&mut self) {
        self.failures_count += 1;
        self.due = Instant::now() + self.delays.next().unwrap_or(DELAY_MAX);
    }

    /// Attempts that failed so far.
    pub(super) fn failures_count(&self) -> u32 {
        self.failures_count
    }
}
