//! One partition of one topic, and which offsets it holds.

use std::{fmt, sync::Arc};

use events::{ShardId, Topic};

/// One partition of one topic. Cloning shares the topic's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub topic: Arc<str>,
    /// From 0.
    pub number: i32,
}

impl Partition {
    pub fn new(topic: impl Into<Arc<str>>, number: i32) -> Self {
        Self { topic: topic.into(), number }
    }

    /// A partition of one of our topics.
    pub fn of(topic: Topic, number: i32) -> Self {
        Self::new(topic.name(), number)
    }

    /// All partitions of one of our topics, in order.
    pub fn all_of(topic: Topic, partitions: i32) -> Vec<Self> {
        let name: Arc<str> = topic.name().into();
        (0..partitions).map(|number| Self::new(Arc::clone(&name), number)).collect()
    }

    /// The topic, unless it is none of ours.
    pub fn topic(&self) -> Option<Topic> {
        Topic::of_name(&self.topic)
    }

    /// The shard whose commands, events or outcomes lie here; `None` for the shared topics.
    pub fn shard(&self) -> Option<ShardId> {
        match self.topic()? {
            Topic::Commands(kind) | Topic::Events(kind) | Topic::Outcomes(kind) => {
                Some(ShardId::new(kind, self.number))
            }
            Topic::Replies | Topic::CommandDeadLetters => None,
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}

/// Which offsets a partition holds: from `low` up to but not including `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the oldest record that is kept.
    pub low: i64,
    /// Offset that the next record will get.
    pub high: i64,
}

impl Watermarks {
    /// How many records a reader whose next offset is `next` has not seen yet.
    pub fn lag(&self, next: i64) -> i64 {
        (self.high - next.max(self.low)).max(0)
    }

    /// True when a reader may start at `next`: nothing below it is missing that it would need, and
    /// it does not lie beyond the end.
    pub fn can_start_at(&self, next: i64) -> bool {
        (self.low..=self.high).contains(&next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Kind;

    #[test]
    fn a_partition_knows_its_shard() {
        let partition = Partition::of(Topic::Events(Kind::Products), 3);
        assert_eq!(partition.to_string(), "products.events.v1/3");
        assert_eq!(partition.shard(), Some(ShardId::new(Kind::Products, 3)));
        assert_eq!(Partition::of(Topic::Replies, 0).shard(), None);
        assert_eq!(Partition::new("elsewhere", 0).shard(), None);
    }

    #[test]
    fn lag_counts_only_what_is_kept() {
        let watermarks = Watermarks { low: 10, high: 25 };
        assert_eq!(watermarks.lag(20), 5);
        assert_eq!(watermarks.lag(0), 15);
        assert_eq!(watermarks.lag(30), 0);
        assert!(watermarks.can_start_at(25));
        assert!(!watermarks.can_start_at(26));
        assert!(!watermarks.can_start_at(9));
    }
}
