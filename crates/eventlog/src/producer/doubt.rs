//! What makes a producer's word doubtful though no call failed (PROTOCOL 3).

use std::time::Duration;

/// Polled time without any report, while something is outstanding, after which the producer counts
/// as stalled.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);

/// The last offset acknowledged in each partition. Offsets of a producer that writes in order can
/// only rise; anything else is a sign that an acknowledgement belongs to another record.
#[derive(Debug, Default)]
pub(super) struct LastOffsets {
    /// Topics are few, so a list is searched faster than a map is hashed.
    topics: Vec<(String, Vec<i64>)>,
}

impl LastOffsets {
    /// Notes an acknowledged offset, or says what is wrong with it.
    pub(super) fn note(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), String> {
        if offset < 0 {
            return Err(format!("{topic}/{partition}: acknowledged without an offset"));
        }
        let last = self.last(topic, partition);
        if offset <= *last {
            return Err(format!(
                "{topic}/{partition}: acknowledged at offset {offset}, not above {last}"
            ));
        }
        *last = offset;
        Ok(())
    }

    fn last(&mut self, topic: &str, partition: i32) -> &mut i64 {
        let index = match self.topics.iter().position(|(name, _)| name == topic) {
            Some(index) => index,
            None => {
                self.topics.push((topic.to_owned(), Vec::new()));
                self.topics.len() - 1
            }
        };
        let offsets = &mut self.topics[index].1;
        // A report names the partition that was sent to, which is never negative.
        let partition = usize::try_from(partition).unwrap_or(0);
        if offsets.len() <= partition {
            offsets.resize(partition + 1, -1);
        }
        &mut offsets[partition]
    }
}

/// How long nothing was reported although something is outstanding, in polled time: a process that
/// was stopped has not waited.
#[derive(Debug, Default)]
pub(super) struct Silence {
    polled: Duration,
    reported: usize,
    is_told: bool,
}

impl Silence {
    /// Takes in one slice of polling; `Some` once, when the silence has become too long.
    pub(super) fn observe(
        &mut self,
        slice: Duration,
        unreported: usize,
        reported: usize,
    ) -> Option<Duration> {
        if unreported == 0 || reported != self.reported {
            self.reported = reported;
            self.polled = Duration::ZERO;
            return None;
        }
        self.polled += slice;
        if self.polled < SILENCE_MAX || self.is_told {
            return None;
        }
        self.is_told = true;
        Some(self.polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_must_be_there_and_rise_within_a_partition() {
        let mut last = LastOffsets::default();
        assert!(last.note("a", 1, 0).is_ok());
        assert!(last.note("a", 1, 4).is_ok());
        assert!(last.note("a", 0, 0).is_ok());
        assert!(last.note("b", 1, 0).is_ok());
        let repeated = last.note("a", 1, 4).expect_err("not above the last");
        assert!(repeated.contains("a/1") && repeated.contains("not above 4"));
        assert!(last.note("a", 1, -1).is_err());
        assert!(last.note("a", 1, 5).is_ok());
    }

    #[test]
    fn silence_counts_only_while_something_is_outstanding_and_is_told_once() {
        let mut silence = Silence::default();
        let half = SILENCE_MAX / 2;
        assert_eq!(silence.observe(half, 1, 0), None);
        assert_eq!(silence.observe(half, 1, 1), None, "a report came");
        assert_eq!(silence.observe(half, 1, 1), None);
        assert_eq!(silence.observe(half, 0, 1), None, "nothing is outstanding");
        assert_eq!(silence.observe(half, 1, 1), None);
        assert_eq!(silence.observe(half, 1, 1), Some(SILENCE_MAX));
        assert_eq!(silence.observe(half, 1, 1), None);
    }
}
