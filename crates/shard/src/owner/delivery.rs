//! When the producer's word can no longer be trusted (PROTOCOL 3).

use std::collections::BTreeMap;

use events::Topic;

/// Polled time without any report, while something is outstanding, after which we doubt.
const SILENCE_MS_MAX: u64 = 60_000;
/// The most that one round of polling counts for: a process that was stopped for an hour has not
/// listened for an hour.
const ROUND_MS_MAX: u64 = 1_000;

/// What a producer said of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Written at this offset of the target partition; `None` where the report has no offset.
    Delivered(Option<i64>),
    Failed(String),
}

/// Why a producer is given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error("an output to {topic} {partition} failed: {error}")]
    Failed { topic: Topic, partition: i32, error: String },
    #[error("the producer failed: {0}")]
    Fatal(String),
    #[error("an output to {topic} {partition} was reported without an offset")]
    NoOffset { topic: Topic, partition: i32 },
    #[error("an output to {topic} {partition} was reported at {offset}, not above {last}")]
    NotAbove { topic: Topic, partition: i32, offset: i64, last: i64 },
    #[error("no delivery report for {SILENCE_MS_MAX} ms while {outstanding} outputs wait")]
    Silence { outstanding: usize },
}

/// The reports of one producer; it lives and dies with it.
#[derive(Debug, Default)]
pub struct Deliveries {
    last: BTreeMap<(Topic, i32), i64>,
    outstanding: usize,
    silent_ms: u64,
}

impl Deliveries {
    pub fn on_sent(&mut self) {
        self.outstanding += 1;
    }

    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Judges one report.
    pub fn on_report(&mut self, topic: Topic, partition: i32, report: Report) -> Result<(), Doubt> {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.silent_ms = 0;
        let offset = match report {
            Report::Delivered(Some(offset)) => offset,
            Report::Delivered(None) => return Err(Doubt::NoOffset { topic, partition }),
            Report::Failed(error) => return Err(Doubt::Failed { topic, partition, error }),
        };
        match self.last.insert((topic, partition), offset) {
            Some(last) if offset <= last => Err(Doubt::NotAbove { topic, partition, offset, last }),
            _ => Ok(()),
        }
    }

    /// One round of polling took `elapsed_ms` and brought no report.
    pub fn on_silent_round(&mut self, elapsed_ms: u64) -> Result<(), Doubt> {
        if self.outstanding == 0 {
            self.silent_ms = 0;
            return Ok(());
        }
        self.silent_ms += elapsed_ms.min(ROUND_MS_MAX);
        if self.silent_ms < SILENCE_MS_MAX {
            return Ok(());
        }
        Err(Doubt::Silence { outstanding: self.outstanding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Kind;

    const TOPIC: Topic = Topic::Events(Kind::Orders);

    #[test]
    fn offsets_of_a_partition_must_rise() {
        let mut deliveries = Deliveries::default();
        assert_eq!(deliveries.on_report(TOPIC, 0, Report::Delivered(Some(5))), Ok(()));
        assert_eq!(deliveries.on_report(TOPIC, 1, Report::Delivered(Some(5))), Ok(()));
        assert!(matches!(
            deliveries.on_report(TOPIC, 0, Report::Delivered(Some(5))),
            Err(Doubt::NotAbove { last: 5, .. })
        ));
        assert!(deliveries.on_report(TOPIC, 0, Report::Delivered(None)).is_err());
        assert!(deliveries.on_report(TOPIC, 0, Report::Failed("x".to_owned())).is_err());
    }

    #[test]
    fn only_polled_time_counts_as_silence() {
        let mut deliveries = Deliveries::default();
        assert_eq!(deliveries.on_silent_round(3_600_000), Ok(()));
        deliveries.on_sent();
        assert_eq!(deliveries.on_silent_round(3_600_000), Ok(()));
        for _ in 0..58 {
            assert_eq!(deliveries.on_silent_round(1_000), Ok(()));
        }
        assert_eq!(deliveries.on_silent_round(1_000), Err(Doubt::Silence { outstanding: 1 }));
    }
}
