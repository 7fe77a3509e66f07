//! Notices a member to whom its group says nothing.
//!
//! Who joins is told of an assignment, be it an empty one, within a rebalance. A client that hears
//! nothing for longer has been seen to hear nothing for ever (librdkafka 2.12.1, once in an hour of
//! faults, while all others of the process were assigned at once). Pure.

use std::time::{Duration, Instant};

/// Above the longest rebalance: members have a minute to come back to it.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// Whether the group has said anything since the member joined.
#[derive(Debug)]
pub(super) struct Hearing {
    /// Since when it has said nothing; absent once it has.
    silent_since: Option<Instant>,
}

impl Hearing {
    pub(super) fn new(joined: Instant) -> Self {
        Self { silent_since: Some(joined) }
    }

    pub(super) fn heard(&mut self) {
        self.silent_since = None;
    }

    /// True once in each such time in which nothing came.
    pub(super) fn is_deaf(&mut self, now: Instant) -> bool {
        let is_deaf = |since| now.saturating_duration_since(since) >= SILENCE_MAX;
        let is_deaf = self.silent_since.is_some_and(is_deaf);
        if is_deaf {
            self.silent_since = Some(now);
        }
        is_deaf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_deaf_when_nothing_ever_came_and_never_once_it_has() {
        let joined = Instant::now();
        let mut hearing = Hearing::new(joined);
        let almost = SILENCE_MAX - Duration::from_millis(1);
        assert!(!hearing.is_deaf(joined + almost));
        assert!(hearing.is_deaf(joined + SILENCE_MAX));
        assert!(!hearing.is_deaf(joined + SILENCE_MAX + almost), "told once in that time");
        hearing.heard();
        assert!(!hearing.is_deaf(joined + 10 * SILENCE_MAX));
    }
}
