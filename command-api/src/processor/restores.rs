//! Shards on their way from assigned to live: what was asked for, and how long it takes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use events::ShardId;
use shard::processor::{Committed, Offsets};
use snapshots::Found;
use tokio::sync::oneshot::error::TryRecvError;

use super::snapshots::{Answer, SearchError};

/// All searches for snapshots, and all replays.
#[derive(Debug, Default)]
pub(super) struct Restores {
    searches: BTreeMap<ShardId, Search>,
    began: BTreeMap<ShardId, Instant>,
}

#[derive(Debug)]
struct Search {
    beginning: Beginning,
    answer: Answer,
}

/// Where a shard's log and its commit were when the search began. The commit may be stale by now,
/// which only causes repeats.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) offsets: Offsets,
    pub(super) committed: Option<Committed>,
}

impl Restores {
    pub(super) fn is_searching(&self, shard: ShardId) -> bool {
        self.searches.contains_key(&shard)
    }

    pub(super) fn search(&mut self, shard: ShardId, beginning: Beginning, answer: Answer) {
        self.began.entry(shard).or_insert_with(Instant::now);
        self.searches.insert(shard, Search { beginning, answer });
    }

    /// The searches that have ended since the last call.
    pub(super) fn found(
        &mut self,
    ) -> Vec<(ShardId, Beginning, Result<Option<Found>, SearchError>)> {
        let mut found = Vec::new();
        let ended = self.searches.extract_if(.., |shard, search| {
            let answer = match search.answer.try_recv() {
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Closed) => Err(SearchError::Broken),
                Ok(answer) => answer,
            };
            found.push((*shard, answer));
            true
        });
        let beginnings: Vec<Beginning> = ended.map(|(_, search)| search.beginning).collect();
        let found = found.into_iter().zip(beginnings);
        found.map(|((shard, answer), beginning)| (shard, beginning, answer)).collect()
    }

    /// The shard is live: how long that took; `None` when it was told before.
    pub(super) fn live(&mut self, shard: ShardId) -> Option<Duration> {
        self.began.remove(&shard).map(|began| began.elapsed())
    }

    pub(super) fn forget(&mut self, shard: ShardId) {
        self.searches.remove(&shard);
        self.began.remove(&shard);
    }

    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }
}
