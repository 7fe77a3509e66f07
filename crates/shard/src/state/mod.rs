//! What a shard knows at an offset.

mod footprint;
pub mod format;
mod links;
mod memory;
mod retirement;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Aggregates, order::Order, product::Product};
use events::{Millis, ShardId, position::Mark};
use serde::{Deserialize, Serialize};

use crate::{
    chain::Chain,
    rules::{Revision, Rules},
};

pub(crate) use links::Links;
pub(crate) use memory::{Copy, Memory, Pending, Recall};
pub(crate) use retirement::{Retirement, Tombstone};

/// The state of a shard before the record at `next_offset`. Only `step` changes it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub(crate) shard: ShardId,
    pub(crate) stream_id: Option<String>,
    pub(crate) incarnation: i64,
    pub(crate) next_offset: i64,
    pub(crate) now: Millis,
    pub(crate) chain: Chain,
    pub(crate) rules: Rules,
    pub(crate) memory: Memory,
    pub(crate) links: Links,
    pub(crate) aggregates: Aggregates,
    /// Payment deadlines of reserved orders, the earliest first.
    pub(crate) deadlines: BTreeSet<(Millis, String)>,
    pub(crate) retirement: Retirement,
    /// PlaceOrder commands that wait for their reservation, by order id.
    pub(crate) placements: BTreeMap<String, Placement>,
}

/// A PlaceOrder that waits for the product shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Placement {
    pub(crate) command_id: u128,
    /// How far the product shards were that have answered.
    pub(crate) positions: BTreeMap<(String, i32), Mark>,
}

impl State {
    /// The state before the first record of a shard's log.
    pub fn new(shard: ShardId) -> Self {
        Self {
            shard,
            stream_id: None,
            incarnation: 0,
            next_offset: 0,
            now: 0,
            chain: Chain::default(),
            rules: Rules::default(),
            memory: Memory::default(),
            links: Links::default(),
            aggregates: Aggregates::default(),
            deadlines: BTreeSet::new(),
            retirement: Retirement::default(),
            placements: BTreeMap::new(),
        }
    }

    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Offset of the next record to step.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Log time in milliseconds; 0 before the first record.
    pub fn now(&self) -> Millis {
        self.now
    }

    pub fn chain(&self) -> Chain {
        self.chain
    }

    pub fn incarnation(&self) -> i64 {
        self.incarnation
    }

    pub fn stream_id(&self) -> Option<&str> {
        self.stream_id.as_deref()
    }

    /// The active rules; `None` before the first activation.
    pub fn rules(&self) -> Option<&Revision> {
        self.rules.active()
    }

    /// The earliest deadline, for whoever appends the Tick.
    pub fn earliest_deadline(&self) -> Option<Millis> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Remembered client commands.
    pub fn dedup_entries(&self) -> usize {
        self.memory.len()
    }

    /// Aggregates in the state; final orders leave it after a while.
    pub fn live_aggregates(&self) -> usize {
        self.aggregates.count()
    }

    /// Ids of orders that left the state.
    pub fn tombstones(&self) -> usize {
        self.retirement.tombstones()
    }

    /// Payments that are awaited.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// About how many bytes of memory the state takes, from its counts; the benchmark `state`
    /// compares it with what the allocator says.
    pub fn bytes_estimated(&self) -> usize {
        footprint::of(self)
    }

    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.aggregates.orders.values()
    }

    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.aggregates.products.values()
    }

    /// The last link sequence of every partition that this incarnation has written to.
    pub fn link_ends(&self) -> impl Iterator<Item = ((events::Topic, i32), i64)> {
        self.links.counters.iter().map(|(target, last)| (*target, *last))
    }

    /// The last that was read of every other shard.
    pub fn marks(&self) -> impl Iterator<Item = (ShardId, Mark)> {
        self.links.marks.iter().map(|(source, mark)| (*source, *mark))
    }

    /// How far this shard's events are.
    pub fn event_mark(&self) -> Mark {
        let target = (events::Topic::Events(self.shard.kind), self.shard.partition);
        Mark { incarnation: self.incarnation, link_sequence: self.links.last(target) }
    }

    /// The version of a client command's aggregate; 0 where there is none.
    pub(crate) fn version_of(&self, key: &str) -> i64 {
        self.aggregates.version_of(self.shard.kind, key)
    }
}
