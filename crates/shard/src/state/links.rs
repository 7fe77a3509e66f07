//! Link counters of what the shard writes, and marks of what it has read.

use std::collections::BTreeMap;

use events::{
    ShardId, Topic,
    position::{Arrival, Mark},
};

/// The partition that an output goes to.
pub(crate) type Target = (Topic, i32);

/// Dense counters per target partition, and the last accepted link sequence per source shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) counters: BTreeMap<Target, i64>,
    pub(crate) marks: BTreeMap<ShardId, Mark>,
}

impl Links {
    /// The last number given to a target; 0 before the first.
    pub(crate) fn last(&self, target: Target) -> i64 {
        self.counters.get(&target).copied().unwrap_or(0)
    }

    /// The next number for a target.
    pub(crate) fn next(&mut self, target: Target) -> i64 {
        let counter = self.counters.entry(target).or_insert(0);
        *counter += 1;
        *counter
    }

    /// A new incarnation counts from 1 again.
    pub(crate) fn restart(&mut self) {
        self.counters.clear();
    }

    pub(crate) fn arrival(&self, source: ShardId, record: Mark) -> Arrival {
        self.marks.get(&source).copied().unwrap_or_default().arrival(record)
    }

    pub(crate) fn accept(&mut self, source: ShardId, record: Mark) {
        self.marks.insert(source, record);
    }
}
