//! When to append a Tick (PROTOCOL 12).

use events::Command;

use crate::{Record, State};

/// The shortest time between two Ticks of one shard.
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
}

impl Ticker {
    /// A record was stepped live; replayed ones say nothing about the present.
    pub(crate) fn on_record(&mut self, state: &State, record: &Record<'_>, monotonic_ms: u64) {
        self.seen = Some((state.now(), monotonic_ms));
        if self.in_flight && is_tick(record) {
            self.in_flight = false;
        }
    }

    /// True at most once per Tick that is needed. A new owner with waiting deadlines needs one at
    /// once: it cannot know for how long the log was silent.
    pub(crate) fn is_due(&mut self, state: &State, monotonic_ms: u64) -> bool {
        let Some(deadline) = state.earliest_deadline() else { return false };
        let is_past = self.seen.is_none_or(|(log_ms, at)| {
            deadline <= log_ms.saturating_add_unsigned(monotonic_ms.saturating_sub(at))
        });
        let too_soon =
            self.appended_at.is_some_and(|at| monotonic_ms.saturating_sub(at) < TICK_MS_MIN);
        if !is_past || too_soon || self.in_flight {
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
