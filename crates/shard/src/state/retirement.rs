//! Final orders leave the state after a while; a tombstone keeps their id used up.

use std::collections::BTreeSet;

use events::Millis;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::chain::hash_of;

/// What is left of a final order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) version: i64,
    pub(crate) status: domain::order::Status,
}

/// Final orders by the log time at which they leave, and the tombstones of those that left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Retirement {
    pub(crate) queue: BTreeSet<(Millis, String)>,
    pub(crate) tombstones: FxHashMap<u128, Tombstone>,
}

impl Retirement {
    pub(crate) fn enqueue(&mut self, due: Millis, order_id: &str) {
        self.queue.insert((due, order_id.to_owned()));
    }

    /// The next order to leave, if it is due.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<String> {
        match self.queue.first() {
            Some((due, _)) if *due <= now => self.queue.pop_first().map(|(_, order_id)| order_id),
            _ => None,
        }
    }

    pub(crate) fn bury(&mut self, order_id: &str, tombstone: Tombstone) {
        self.tombstones.insert(hash_of(order_id), tombstone);
    }

    pub(crate) fn tombstone(&self, order_id: &str) -> Option<Tombstone> {
        if self.tombstones.is_empty() {
            return None;
        }
        self.tombstones.get(&hash_of(order_id)).copied()
    }

    pub(crate) fn tombstones(&self) -> usize {
        self.tombstones.len()
    }
}
