//! Compares the brokers' clocks with this machine's (PROTOCOL 11).
//!
//! Log time is the brokers' clock, so one that is far ahead expires deadlines early. Every
//! acknowledgement carries the time at which the broker appended the record: after the record was
//! queued here, and before the acknowledgement came. Outside of that span, somebody's clock is wrong.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use events::Millis;

use crate::metrics::CLOCK_DIFFERENCES;

/// What clocks may differ by.
const DIFFERENCE_MAX: Duration = Duration::from_secs(1);
/// What an append may take on its way before its time counts as behind: a broker waits up to
/// `request.timeout.ms` for its replicas, and tries may follow one another.
const LATENCY_MAX: Duration = Duration::from_secs(30);
/// Between two lines in the log; the counter counts them all.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Which way a broker's clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Ahead,
    Behind,
}

/// Watches the acknowledgements of one producer.
#[derive(Debug, Default)]
pub(super) struct Clock {
    told_at: Option<Instant>,
}

impl Clock {
    /// Notes when a broker says that it appended a record that was acknowledged just now.
    pub(super) fn note(&mut self, topic: &str, partition: i32, appended: Millis) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let Some(wrong) = judge(appended, now) else { return };
        let label = if wrong == Wrong::Ahead { "ahead" } else { "behind" };
        metrics::counter!(CLOCK_DIFFERENCES, "broker" => label).increment(1);
        if self.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told_at = Some(Instant::now());
            let difference_ms = appended - now;
            tracing::error!(
                topic,
                partition,
                difference_ms,
                "A broker's clock differs from this machine's: log time is the brokers' clock."
            );
        }
    }
}

fn judge(appended: Millis, acknowledged: Millis) -> Option<Wrong> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    if appended > acknowledged + ms(DIFFERENCE_MAX) {
        Some(Wrong::Ahead)
    } else if appended < acknowledged - ms(DIFFERENCE_MAX) - ms(LATENCY_MAX) {
        Some(Wrong::Behind)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_ahead_is_told_at_once_and_one_behind_not_before_an_append_may_take_so_long() {
        const NOW: Millis = 1_000_000;
        assert_eq!(judge(NOW, NOW), None);
        assert_eq!(judge(NOW + 1_000, NOW), None);
        assert_eq!(judge(NOW + 1_001, NOW), Some(Wrong::Ahead));
        assert_eq!(judge(NOW - 31_000, NOW), None);
        assert_eq!(judge(NOW - 31_001, NOW), Some(Wrong::Behind));
    }
}
