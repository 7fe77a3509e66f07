//! Notices a reading that has stopped without a word.
//!
//! A topic that is deleted and made again begins to count its leaders from the start. The library
//! takes that for old news, so a client that was open goes on asking a broker that does not lead the
//! partition, and says nothing (seen with librdkafka 2.12.1). So where nothing came for a while, the
//! brokers are asked where the log ends. A reading that is not there, look after look, needs another
//! client. Pure.

use std::time::{Duration, Instant};

use crate::Watermarks;

/// Time between two looks at a partition of which nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Looks in a row that must find the same: a leader that has just changed may not know the end yet,
/// and a record that was just written is not here yet.
const LOOKS: u32 = 3;

/// What is known of the reading of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    /// When a record came, or the end was looked for.
    at: Instant,
    /// Looks since then that did not find the reading at the end.
    astray: u32,
    /// What the library may still say of an earlier reading, until it says something else.
    stale: Option<i64>,
}

impl Watch {
    /// Reading begins, while the library says this of where it is.
    pub(crate) fn new(now: Instant, stale: Option<i64>) -> Self {
        Self { at: now, astray: 0, stale }
    }

    /// A record came, or the reading goes on after a pause.
    pub(crate) fn heard(&mut self, now: Instant) {
        *self = Self::new(now, None);
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= LOOK_EVERY
    }

    /// Takes in what the brokers say of the log, when `next` is read next and the library is at
    /// `position`: behind the offsets before the end that hold no record. True when the reading has
    /// stopped for good.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        log: Watermarks,
        next: i64,
        position: Option<i64>,
    ) -> bool {
        let passed = position.filter(|_| position != self.stale);
        let is_at_end = next == log.high || next < log.high && passed >= Some(log.high);
        self.at = now;
        self.astray = if is_at_end { 0 } else { self.astray + 1 };
        self.astray >= LOOKS
    }

    /// The brokers did not say.
    pub(crate) fn unanswered(&mut self, now: Instant) {
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(high: i64) -> Watermarks {
        Watermarks { low: 0, high }
    }

    #[test]
    fn who_is_at_the_end_may_be_quiet_for_ever() {
        let began = Instant::now();
        let mut watch = Watch::new(began, None);
        assert!(!watch.is_due(began) && watch.is_due(began + LOOK_EVERY));
        for _ in 0..9 {
            assert!(!watch.look(began, log(5), 5, Some(5)));
            assert!(!watch.look(began, log(7), 5, Some(7)), "a marker lies there, and no record");
        }
    }

    #[test]
    fn who_is_elsewhere_look_after_look_has_stopped() {
        let now = Instant::now();
        for (high, position) in [(9, None), (9, Some(5)), (3, Some(5)), (0, None)] {
            let mut watch = Watch::new(now, None);
            let seen = [(); 3].map(|()| watch.look(now, log(high), 5, position));
            assert_eq!(seen, [false, false, true], "{high} {position:?}");
        }
        let mut watch = Watch::new(now, Some(15));
        let seen = [(); 3].map(|()| watch.look(now, log(10), 0, Some(15)));
        assert_eq!(seen, [false, false, true], "it says where an earlier reading was");
    }

    #[test]
    fn a_record_or_the_end_begins_the_count_anew() {
        let now = Instant::now();
        let mut watch = Watch::new(now, None);
        assert!(!watch.look(now, log(9), 5, None) && !watch.look(now, log(9), 5, None));
        watch.heard(now);
        assert!(!watch.look(now, log(9), 6, None) && !watch.look(now, log(9), 6, None));
        assert!(!watch.look(now, log(6), 6, None));
        watch.unanswered(now);
        assert!(!watch.look(now, log(9), 6, None));
    }
}
