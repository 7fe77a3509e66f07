//! The consumer group: who should work on which shard, and what was committed.

use std::collections::BTreeMap;

use events::ShardId;
use shard::processor::Committed;

/// What the coordinator knows. It decides only who works: an instance that does not hear of it
/// goes on, and nothing may go wrong.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) owners: BTreeMap<ShardId, usize>,
    pub(crate) committed: BTreeMap<ShardId, Committed>,
}

impl Group {
    /// The shards that an instance should work on.
    pub(crate) fn of(&self, node: usize) -> impl Iterator<Item = ShardId> {
        self.owners.iter().filter(move |(_, owner)| **owner == node).map(|(shard, _)| *shard)
    }
}
