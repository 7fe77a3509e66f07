//! When a copy of a command was issued, in log time.

use events::{
    Millis,
    command::Parameters,
    reply::{Answer, Reply},
};

/// The stamp of a first copy: the larger of the own clock and the log time last seen of the shard.
pub fn issued_at(clock: Millis, seen: Millis) -> Millis {
    clock.max(seen)
}

/// Within which log times a copy is decided; a copy outside is answered stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Longest time from the stamp to the decision, in milliseconds.
    pub accept_ms: Millis,
    /// How far a stamp may be ahead of the decision, in milliseconds.
    pub skew_ms: Millis,
}

impl Window {
    /// The window of these rules.
    pub fn of(parameters: &Parameters) -> Self {
        Self { accept_ms: parameters.accept_ms, skew_ms: parameters.skew_ms }
    }

    /// Whether a copy that is decided at `now` counts as stale.
    fn is_left_by(self, issued_at: Millis, now: Millis) -> bool {
        now > issued_at.saturating_add(self.accept_ms)
            || issued_at > now.saturating_add(self.skew_ms)
    }
}

/// The one second stamp that a command may get: its first copy was stamped by a clock that is off,
/// and the answer, or the broker that took the copy, told the shard's log time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamp {
    is_anew: bool,
}

impl Stamp {
    /// The stamp of the second copy; `None` when this reply ends the command.
    pub fn after(&mut self, reply: &Reply) -> Option<Millis> {
        if self.is_anew || reply.answer != Answer::Stale {
            return None;
        }
        self.is_anew = true;
        Some(reply.now)
    }

    /// The stamp of the second copy, told from the log's word about the first one; `None` when the
    /// first one is in time. For an edge that is about to promise an outcome without having seen
    /// the reply: whoever was promised one does not ask again.
    ///
    /// `log_time` is the larger of the time at which the broker took the copy and the log time last
    /// seen of the shard. The shard's own is not behind it, so a copy that was stamped too far ahead
    /// may still be in time there, and then its second copy is a repeat like any other.
    pub fn after_append(
        &mut self,
        issued_at: Millis,
        log_time: Millis,
        window: Window,
    ) -> Option<Millis> {
        if self.is_anew || !window.is_left_by(issued_at, log_time) {
            return None;
        }
        self.is_anew = true;
        Some(log_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { accept_ms: 600_000, skew_ms: 30_000 };

    #[test]
    fn a_copy_in_time_keeps_its_stamp() {
        for issued_at in [400_000, 1_000_000, 1_030_000] {
            assert_eq!(Stamp::default().after_append(issued_at, 1_000_000, WINDOW), None);
        }
    }

    #[test]
    fn a_copy_out_of_time_gets_one_more_and_no_second_one() {
        for issued_at in [399_999, 1_030_001] {
            let mut stamp = Stamp::default();
            assert_eq!(stamp.after_append(issued_at, 1_000_000, WINDOW), Some(1_000_000));
            assert_eq!(stamp.after_append(issued_at, 1_000_000, WINDOW), None);
        }
    }
}
