//! A queue as seen from outside: how much is in it, and how fast it moves.

use std::time::{Duration, Instant};

/// Shortest busy time from which a pace is taken; shorter ones tell more about the sender.
const SAMPLE_MIN: Duration = Duration::from_millis(50);

/// Fewest departures from which a pace is taken. They come in batches, and the first batch of a busy
/// time comes as late as its commands take when nothing waits: a few departures tell how long the way
/// is, not how many go it at a time.
const SAMPLE_DEPARTURES_MIN: i64 = 16;

/// A longer silence between two departures is a stall, and part of no pace.
const STALL_MIN: Duration = Duration::from_millis(500);

/// Counts of what entered and what has passed, since the beginning.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entered: i64,
    passed: i64,
    busy: Option<Busy>,
}

/// A time without a break in which something waited.
#[derive(Debug, Clone, Copy)]
struct Busy {
    pace: Pace,
    sample_start: Instant,
    passed_at_start: i64,
    last_progress: Instant,
}

/// How fast a queue moves: time and departures of the last samples. An older sample weighs less, by
/// a quarter for each one after it, so about four samples count.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    time: Duration,
    /// In 1/1024 departures, so that fading leaves a fraction.
    departures_1024: u64,
}

impl Queue {
    pub(super) fn entered(&self) -> i64 {
        self.entered
    }

    pub(super) fn passed(&self) -> i64 {
        self.passed
    }

    pub(super) fn waiting(&self) -> i64 {
        self.entered - self.passed
    }

    /// So many have entered; a lower number than before is out of date.
    pub(super) fn reach(&mut self, entered: i64, at: Instant) {
        self.entered = self.entered.max(entered);
        self.begin_or_end_busy(at);
    }

    /// So many have passed; a lower number than before is out of date.
    pub(super) fn pass(&mut self, passed: i64, at: Instant) {
        if passed < self.passed {
            return;
        }
        self.passed = passed;
        self.entered = self.entered.max(passed);
        self.take_sample(at);
        self.begin_or_end_busy(at);
    }

    /// One of those that wait leaves without having passed.
    pub(super) fn withdraw(&mut self) {
        self.entered = self.passed.max(self.entered - 1);
        if self.waiting() == 0 {
            self.busy = None;
        }
    }

    /// How long those that wait take at the recent pace. Until there is one, it is taken for the
    /// best that fits what was seen: as if a whole sample's departures were just about to follow.
    pub(super) fn by_pace(&self) -> Duration {
        self.busy.map_or(Duration::ZERO, |busy| {
            let pace = if busy.pace.is_known() { busy.pace } else { busy.best_pace(self.passed) };
            pace.time_of(self.waiting())
        })
    }

    /// For how long nothing has moved although something waits.
    pub(super) fn silence(&self, at: Instant) -> Duration {
        self.busy.map_or(Duration::ZERO, |busy| at.saturating_duration_since(busy.last_progress))
    }

    /// Takes the pace only from times in which there always was work: the pace of an idle queue is
    /// that of its senders.
    fn take_sample(&mut self, at: Instant) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        let silence = at.saturating_duration_since(busy.last_progress);
        busy.last_progress = at;
        if silence >= STALL_MIN {
            (busy.sample_start, busy.passed_at_start) = (at, self.passed);
            return;
        }
        let elapsed = at.saturating_duration_since(busy.sample_start);
        let departures = self.passed - busy.passed_at_start;
        if elapsed < SAMPLE_MIN || departures < SAMPLE_DEPARTURES_MIN {
            return;
        }
        busy.pace.add(elapsed, departures);
        (busy.sample_start, busy.passed_at_start) = (at, self.passed);
    }

    fn begin_or_end_busy(&mut self, at: Instant) {
        if self.waiting() == 0 {
            self.busy = None;
        } else if self.busy.is_none() {
            self.busy = Some(Busy {
                pace: Pace::default(),
                sample_start: at,
                passed_at_start: self.passed,
                last_progress: at,
            });
        }
    }
}

impl Busy {
    /// Of the sample that is being taken.
    fn best_pace(&self, passed: i64) -> Pace {
        let time = self.last_progress.saturating_duration_since(self.sample_start);
        let mut pace = Pace::default();
        pace.add(time, passed - self.passed_at_start + SAMPLE_DEPARTURES_MIN);
        pace
    }
}

impl Pace {
    fn is_known(&self) -> bool {
        self.departures_1024 > 0
    }

    /// Adds the time of one sample, and the departures within it.
    fn add(&mut self, time: Duration, departures: i64) {
        let departures = u64::try_from(departures).unwrap_or_default();
        self.time = self.time * 3 / 4 + time;
        self.departures_1024 = self.departures_1024 / 4 * 3 + departures.saturating_mul(1024);
    }

    /// How long so many departures take; zero as long as nothing is known.
    fn time_of(&self, departures: i64) -> Duration {
        let time_us = self.time.as_micros();
        let departures = u128::try_from(departures).unwrap_or_default();
        let wait_us = time_us * 1024 * departures / u128::from(self.departures_1024.max(1));
        match self.departures_1024 {
            0 => Duration::ZERO,
            _ => Duration::from_micros(u64::try_from(wait_us).unwrap_or(u64::MAX)),
        }
    }
}
