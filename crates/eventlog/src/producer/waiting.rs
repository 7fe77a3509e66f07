//! Partitions whose records are sent and never acknowledged, while others go on.
//!
//! A topic that is deleted and made again begins to count its leaders from the start. The library
//! takes that for old news, so a producer that was open sends what it has for a partition to a
//! broker that does not lead it, for ever (seen with librdkafka 2.12.1). A partition without a
//! leader looks the same from here, and is to be waited for: so the poll thread asks the brokers.

use std::time::Duration;

use super::doubt::SILENCE_MAX;

/// What waits in each partition, in polled time: a process that was stopped has not waited.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Topics are few, so a list is searched faster than a map is hashed.
    topics: Vec<(String, Vec<Tally>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    unreported: usize,
    /// With something unreported and nothing acknowledged.
    polled: Duration,
}

impl Waiting {
    pub(super) fn sent(&mut self, topic: &str, partition: i32) {
        self.tally(topic, partition).unreported += 1;
    }

    pub(super) fn withdrawn(&mut self, topic: &str, partition: i32) {
        let tally = self.tally(topic, partition);
        tally.unreported = tally.unreported.saturating_sub(1);
    }

    pub(super) fn reported(&mut self, topic: &str, partition: i32, is_acknowledged: bool) {
        self.withdrawn(topic, partition);
        if is_acknowledged {
            self.tally(topic, partition).polled = Duration::ZERO;
        }
    }

    /// Takes in one slice of polling. Gives the partitions that have waited for too long, each once
    /// in that time.
    pub(super) fn observe(&mut self, slice: Duration) -> Vec<(String, i32)> {
        let mut too_long = Vec::new();
        for (topic, tallies) in &mut self.topics {
            for (partition, tally) in (0..).zip(tallies).filter(|(_, tally)| tally.unreported > 0) {
                tally.polled += slice;
                if tally.polled >= SILENCE_MAX {
                    tally.polled = Duration::ZERO;
                    too_long.push((topic.clone(), partition));
                }
            }
        }
        too_long
    }

    fn tally(&mut self, topic: &str, partition: i32) -> &mut Tally {
        let index = match self.topics.iter().position(|(name, _)| name == topic) {
            Some(index) => index,
            None => {
                self.topics.push((topic.to_owned(), Vec::new()));
                self.topics.len() - 1
            }
        };
        let tallies = &mut self.topics[index].1;
        // Records are sent to named partitions, which are never negative.
        let partition = usize::try_from(partition).unwrap_or(0);
        if tallies.len() <= partition {
            tallies.resize(partition + 1, Tally::default());
        }
        &mut tallies[partition]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_waits_for_itself_and_is_named_once_in_that_time() {
        let mut waiting = Waiting::default();
        let half = SILENCE_MAX / 2;
        waiting.sent("a", 0);
        waiting.sent("a", 2);
        assert!(waiting.observe(half).is_empty());
        waiting.reported("a", 0, true);
        waiting.sent("a", 0);
        assert_eq!(waiting.observe(half), [("a".to_owned(), 2)]);
        waiting.reported("a", 0, true);
        assert!(waiting.observe(half).is_empty());
        assert_eq!(waiting.observe(half), [("a".to_owned(), 2)]);
        waiting.reported("a", 2, true);
        assert!(waiting.observe(SILENCE_MAX).is_empty(), "nothing is outstanding");
    }

    #[test]
    fn a_record_that_is_given_up_is_no_sign_of_life() {
        let mut waiting = Waiting::default();
        let half = SILENCE_MAX / 2;
        waiting.sent("a", 0);
        assert!(waiting.observe(half).is_empty());
        waiting.reported("a", 0, false);
        assert!(waiting.observe(half).is_empty(), "nothing is outstanding");
        waiting.sent("a", 0);
        assert_eq!(waiting.observe(half), [("a".to_owned(), 0)]);
    }
}
