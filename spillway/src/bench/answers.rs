//! The answers of stretches of load: how many of each kind, and their times.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart, in microseconds.
const TIME_MAX_US: u64 = 3_600_000_000;

/// The answers of one stretch, or of several that took turns with others.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    /// Of the answers that were wished for and of what was never sent; from request, or from when it
    /// was due, to answer, in microseconds.
    pub(super) times: Histogram<u64>,
    pub(super) took: Duration,
    /// Told that it is probably sold out, before the log; among the times.
    pub(super) hints: u64,
    /// From the memory of query-api; among the times.
    pub(super) hits: u64,
    /// Refused as one too many (429, 503).
    pub(super) busy: u64,
    /// Answered 202: decided later.
    pub(super) late: u64,
    /// Due, but never sent, because all connections waited for too long; among the times with how
    /// long they had waited.
    pub(super) unsent: u64,
}

impl Answers {
    /// # Errors
    /// The histogram's bounds are wrong.
    pub(super) fn none() -> anyhow::Result<Self> {
        let times = Histogram::new_with_bounds(1, TIME_MAX_US, 3)?;
        let (hints, hits, busy, late, unsent) = (0, 0, 0, 0, 0);
        Ok(Self { times, took: Duration::ZERO, hints, hits, busy, late, unsent })
    }

    pub(super) fn record(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(TIME_MAX_US);
        self.times.saturating_record(us.max(1));
    }

    /// Adds the counts and times of another stretch, but not how long it took: clients side by side
    /// take the time of one.
    ///
    /// # Errors
    /// The histograms' bounds differ.
    pub(super) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.hints += other.hints;
        self.hits += other.hits;
        self.busy += other.busy;
        self.late += other.late;
        self.unsent += other.unsent;
        Ok(self.times.add(&other.times)?)
    }

    /// Answers that were wished for.
    pub(super) fn count(&self) -> u64 {
        self.times.len() - self.unsent
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn per_second(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }

    #[allow(clippy::cast_precision_loss, reason = "an hour in microseconds is far below 2^53")]
    pub(super) fn ms(&self, percent: f64) -> f64 {
        self.times.value_at_percentile(percent) as f64 / 1e3
    }

    /// Milliseconds of something for each answer.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn each_ms(&self, seconds: f64) -> f64 {
        seconds * 1e3 / self.count().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_sent_is_no_answer_but_has_waited() {
        let mut answers = Answers::none().unwrap();
        answers.took = Duration::from_secs(1);
        (0..99).for_each(|_| answers.record(Duration::from_millis(1)));
        let mut late = Answers::none().unwrap();
        late.record(Duration::from_secs(9));
        late.unsent = 1;
        answers.add(&late).unwrap();
        assert_eq!(answers.count(), 99);
        assert!((answers.per_second() - 99.0).abs() < 1e-9);
        assert!(answers.ms(50.0) < 1.01 && answers.ms(100.0) > 8_990.0);
    }
}
