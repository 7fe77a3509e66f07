//! When to append a Tick (PROTOCOL 12).

use events::Command;

use crate::{Record, State};

/// The shortest time between two Ticks of one shard, unless the last one left something due.
const TICK_MS_MIN: u64 = 100;

/// Estimates log time by the own monotonic clock; the decision itself is made by the log.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    /// Log time and monotonic time of the last live record.
    seen: Option<(i64, u64)>,
    /// A Tick was appended and not read back yet.
    in_flight: bool,
    /// Monotonic time of the last Tick that was appended.
    appended_at: Option<u64>,
    /// The last Tick expired as many orders as it may, and more were due.
    is_behind: bool,
}

impl Ticker {
    /// A record was stepped live; replayed ones say nothing about the present.
    pub(crate) fn on_record(&mut self, state: &State, record: &Record<'_>, monotonic_ms: u64) {
        self.seen = Some((state.now(), monotonic_ms));
        if self.in_flight && is_tick(record) {
            self.in_flight = false;
            self.is_behind = state.earliest_deadline().is_some_and(|due| due <= state.now());
        }
    }

    /// True at most once per Tick that is needed. A new owner with waiting deadlines needs one at
    /// once, also when it has stepped records: it cannot know how old they were, nor for how long
    /// the log was silent after them. Only its own Tick, read back, tells the present.
    pub(crate) fn is_due(&mut self, state: &State, monotonic_ms: u64) -> bool {
        let Some(deadline) = state.earliest_deadline() else { return false };
        let is_past = self.seen.is_none_or(|(log_ms, at)| {
            deadline <= log_ms.saturating_add_unsigned(monotonic_ms.saturating_sub(at))
        });
        let is_first = self.appended_at.is_none();
        // A Tick's work is bounded, so a burst of deadlines needs many, one after the other.
        let is_recent = |at| monotonic_ms.saturating_sub(at) < TICK_MS_MIN;
        let too_soon = !self.is_behind && self.appended_at.is_some_and(is_recent);
        if !(is_past || is_first) || too_soon || self.in_flight {
            return false;
        }
        self.in_flight = true;
        self.appended_at = Some(monotonic_ms);
        true
    }
}

fn is_tick(record: &Record<'_>) -> bool {
    let value = record.value.unwrap_or_default();
    record.key.is_none() && matches!(Command::from_single_object(value), Ok(Command::Tick(_)))
}

#[cfg(test)]
mod tests {
    use events::{Kind, ShardId, command::Tick, header::View};

    use super::*;
    use crate::Timestamp;

    const DEADLINE: i64 = 900_000;

    /// A shard at a log time, with an order that awaits its payment.
    fn state(now: i64) -> State {
        let mut state = State::new(ShardId::new(Kind::Orders, 0));
        state.now = now;
        state.deadlines.insert((DEADLINE, "o-1".to_owned()));
        state
    }

    fn read(ticker: &mut Ticker, state: &State, value: &[u8], monotonic_ms: u64) {
        let timestamp = Timestamp::LogAppend(state.now);
        let (key, value, headers) = (None, Some(value), View(&[]));
        let record = Record { offset: 0, timestamp, key, value, headers };
        ticker.on_record(state, &record, monotonic_ms);
    }

    #[test]
    fn a_new_owner_ticks_at_once_though_the_last_records_it_stepped_are_old() {
        let mut ticker = Ticker::default();
        let old = state(1_000);
        read(&mut ticker, &old, b"the tail of a log that was silent for an hour", 0);
        assert!(ticker.is_due(&old, 0), "how old the tail is, no clock of its own can tell");
        assert!(!ticker.is_due(&old, 10_000), "one in flight is enough");
    }

    #[test]
    fn a_tick_that_left_something_due_is_followed_by_the_next_one_at_once() {
        let tick = Command::from(Tick {}).to_single_object();
        let mut ticker = Ticker::default();
        let late = state(DEADLINE);
        assert!(ticker.is_due(&late, 0));
        read(&mut ticker, &late, &tick, 5);
        assert!(ticker.is_due(&late, 5), "the burst is not over");
        assert!(!ticker.is_due(&late, 6), "one in flight is enough");
        let mut done = state(DEADLINE);
        done.deadlines = [(DEADLINE + 1, "o-2".to_owned())].into();
        read(&mut ticker, &done, &tick, 10);
        assert!(!ticker.is_due(&done, 50), "the next one is due, and too soon after the last");
        assert!(ticker.is_due(&done, 105));
    }

    #[test]
    fn once_the_own_tick_has_told_the_time_the_next_one_waits_for_the_deadline() {
        let mut ticker = Ticker::default();
        let early = state(1_000);
        assert!(ticker.is_due(&early, 0));
        read(&mut ticker, &early, &Command::from(Tick {}).to_single_object(), 5);
        assert!(!ticker.is_due(&early, 898_000));
        assert!(ticker.is_due(&early, 5 + 899_000));
    }
}
