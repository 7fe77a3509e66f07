//! Running many shards with one producer: the processor's protocol, without Kafka.
//!
//! Whoever runs it (the Kafka loop, or a simulation) feeds it what happened and carries out what it
//! asks for:
//!
//! ```text
//! assigned ──> unrestored() ──restore_from(offsets, commit, snapshot)──> start reading there
//! record ──> outputs wait in front() ──sent()──> acknowledged(tag) ──> commits()
//! doubt, revoked, halt: states are dropped; a regained shard is restored
//! ```
//! Order is kept by one queue for all shards: an output leaves only when all before it have left.

mod outbox;
mod restore;
mod slot;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use events::ShardId;

use crate::{
    Notice, Output, Record, State,
    owner::{Commit, Owner},
};

pub use outbox::Tag;
use outbox::{Outbox, Source};
pub(crate) use restore::beginning;
pub use restore::{Committed, Impossible, Offsets, Witness};
use slot::{Slot, Status};

/// All shards that are assigned to one instance, and everything that they have on the way out.
#[derive(Debug, Default)]
pub struct Processor {
    slots: BTreeMap<ShardId, Slot>,
    outbox: Outbox,
    /// Rises with every ownership, so that reports for an earlier one are told apart.
    ownerships: u64,
}

/// How many of the assigned shards are where.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Stepping what is new.
    pub live: usize,
    /// On the way there.
    pub restoring: usize,
    /// Stopped before a record that must not be skipped.
    pub halted: usize,
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Stepped; so many outputs joined the queue (none while the shard is silent).
    Stepped { outputs: usize, notices: Vec<Notice> },
    /// The shard stopped before this record; stop reading it.
    Halted(String),
    /// Not of a shard that is being stepped here.
    NotOurs,
}

impl Processor {
    /// These shards are ours now, beside those that were; each waits to be restored.
    pub fn assigned(&mut self, shards: impl IntoIterator<Item = ShardId>) {
        for shard in shards {
            let ownership = self.next_ownership();
            self.slots.insert(shard, Slot { ownership, status: Status::Assigned });
        }
    }

    /// These shards are no longer ours: memory is dropped. Ask for [`Processor::commits`] before.
    pub fn revoked(&mut self, shards: impl IntoIterator<Item = ShardId>) {
        for shard in shards {
            self.slots.remove(&shard);
            self.outbox.forget(shard);
        }
    }

    /// The shards whose offsets are needed.
    pub fn unrestored(&self) -> Vec<ShardId> {
        let waiting = self.slots.iter().filter(|(_, slot)| matches!(slot.status, Status::Assigned));
        waiting.map(|(shard, _)| *shard).collect()
    }

    /// Begins an ownership with the start of the log; gives the offset from which the shard is to be
    /// read.
    ///
    /// # Errors
    /// The shard is halted, for the reason given.
    pub fn restore(
        &mut self,
        shard: ShardId,
        offsets: Offsets,
        committed: Option<&Committed>,
    ) -> Result<i64, Impossible> {
        self.restore_from(shard, offsets, committed, None)
    }

    /// Begins an ownership with a snapshot that [`crate::snapshot::read`] found fit, else with the
    /// start of the log; gives the offset from which the shard is to be read.
    ///
    /// # Errors
    /// The shard is halted, for the reason given.
    pub fn restore_from(
        &mut self,
        shard: ShardId,
        offsets: Offsets,
        committed: Option<&Committed>,
        snapshot: Option<State>,
    ) -> Result<i64, Impossible> {
        self.begin(shard, restore::owner(shard, offsets, committed, snapshot))
    }

    /// Begins a repair: whatever the records from `from` on have given is sent again, and the shard
    /// goes on from there as one more owner, which harms nobody. Gives the offset to read from.
    ///
    /// # Errors
    /// The shard is halted, for the reason given.
    pub fn rewind(
        &mut self,
        shard: ShardId,
        offsets: Offsets,
        from: i64,
        snapshot: Option<State>,
    ) -> Result<i64, Impossible> {
        self.begin(shard, restore::rewound(shard, offsets, from, snapshot))
    }

    /// The shard cannot begin, as was found out before: it is halted.
    pub fn refuse(&mut self, shard: ShardId, reason: &Impossible) {
        self.halt(shard, reason.to_string());
    }

    fn begin(
        &mut self,
        shard: ShardId,
        owner: Result<Owner, Impossible>,
    ) -> Result<i64, Impossible> {
        match owner {
            Ok(owner) => {
                let start = owner.state().next_offset();
                if let Some(slot) = self.slots.get_mut(&shard) {
                    slot.status = Status::Owned(Box::new(owner));
                }
                Ok(start)
            }
            Err(impossible) => {
                self.halt(shard, impossible.to_string());
                Err(impossible)
            }
        }
    }

    /// Steps the next record of a shard. A panic outside of decide is a broken invariant of ours:
    /// that shard stops, the others go on.
    pub fn record(&mut self, shard: ShardId, record: &Record<'_>, monotonic_ms: u64) -> Taken {
        let Some(slot) = self.slots.get_mut(&shard) else { return Taken::NotOurs };
        let ownership = slot.ownership;
        let Some(owner) = slot.owner() else { return Taken::NotOurs };
        let stepped = catch_unwind(AssertUnwindSafe(|| owner.on_record(record, monotonic_ms)));
        match stepped {
            Ok(Ok((outputs, notices))) => {
                let source = Source { shard, ownership, offset: record.offset };
                let count = outputs.len();
                self.outbox.push(source, outputs);
                Taken::Stepped { outputs: count, notices }
            }
            Ok(Err(halt)) => self.halted(shard, halt.to_string()),
            Err(_) => self.halted(shard, format!("the step of offset {} panicked", record.offset)),
        }
    }

    /// The output to send next, and the tag that its report must carry.
    pub fn front(&self) -> Option<(&Output, Tag)> {
        self.outbox.front()
    }

    /// The front was taken by the producer.
    pub fn sent(&mut self) {
        self.outbox.sent();
    }

    /// The front can never be sent: its shard halts. Gives the shard.
    pub fn unsendable(&mut self, reason: &str) -> Option<ShardId> {
        let shard = self.outbox.front_shard()?;
        self.halt(shard, reason.to_owned());
        Some(shard)
    }

    /// The output of this tag lies in its log.
    pub fn acknowledged(&mut self, tag: Tag) {
        let Some(source) = self.outbox.acknowledged(tag) else { return };
        let slot = self.slots.get_mut(&source.shard);
        if let Some(slot) = slot.filter(|slot| slot.ownership == source.ownership)
            && let Some(owner) = slot.owner()
        {
            owner.on_acknowledged(source.offset);
        }
    }

    /// The producer's word can no longer be trusted, or the log cannot be read on: the producer is
    /// to be replaced, and every shard that is not halted is restored. Gives the shards to stop
    /// reading.
    pub fn doubt(&mut self) -> Vec<ShardId> {
        self.outbox = Outbox::after(&self.outbox);
        let mut stopped = Vec::new();
        for (shard, slot) in &mut self.slots {
            if matches!(slot.status, Status::Halted(_)) {
                continue;
            }
            self.ownerships += 1;
            *slot = Slot { ownership: self.ownerships, status: Status::Assigned };
            stopped.push(*shard);
        }
        stopped
    }

    /// Queues the Ticks that are due.
    pub fn tick(&mut self, monotonic_ms: u64) {
        for (shard, slot) in &mut self.slots {
            if slot.owner().is_some_and(|owner| owner.tick_due(monotonic_ms)) {
                self.outbox.push_tick(*shard);
            }
        }
    }

    /// What may be committed now, for every shard whose frontier has moved.
    pub fn commits(&mut self) -> Vec<(ShardId, Commit)> {
        let slots = self.slots.iter_mut();
        slots.filter_map(|(shard, slot)| Some((*shard, slot.owner()?.commit_due()?))).collect()
    }

    /// The commit of every live shard is due again, because the last one may be lost.
    pub fn commit_again(&mut self) {
        for slot in self.slots.values_mut() {
            if let Some(owner) = slot.owner() {
                owner.commit_again();
            }
        }
    }

    /// True while outputs wait for room: no more records should be stepped.
    pub fn is_congested(&self) -> bool {
        self.outbox.is_waiting()
    }

    /// Outputs that are waiting or not acknowledged.
    pub fn outstanding(&self) -> usize {
        self.outbox.outstanding()
    }

    /// How many of the assigned shards are where.
    pub fn census(&self) -> Census {
        self.slots.values().fold(Census::default(), |census, slot| match &slot.status {
            Status::Owned(owner) if owner.is_live() => Census { live: census.live + 1, ..census },
            Status::Owned(_) | Status::Assigned => {
                Census { restoring: census.restoring + 1, ..census }
            }
            Status::Halted(_) => Census { halted: census.halted + 1, ..census },
        })
    }

    /// Why not every assigned shard is live; `None` when all are.
    pub fn obstacle(&self) -> Option<String> {
        self.slots.iter().find_map(|(shard, slot)| slot.obstacle(*shard))
    }

    /// The owners of the shards that are being stepped.
    pub fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.slots.values().filter_map(|slot| match &slot.status {
            Status::Owned(owner) => Some(&**owner),
            Status::Assigned | Status::Halted(_) => None,
        })
    }

    /// The owner of a shard that is being stepped.
    pub fn owner(&self, shard: ShardId) -> Option<&Owner> {
        self.owners().find(|owner| owner.shard() == shard)
    }

    fn halted(&mut self, shard: ShardId, reason: String) -> Taken {
        self.halt(shard, reason.clone());
        Taken::Halted(reason)
    }

    fn halt(&mut self, shard: ShardId, reason: String) {
        self.outbox.forget(shard);
        if let Some(slot) = self.slots.get_mut(&shard) {
            slot.status = Status::Halted(reason);
        }
    }

    fn next_ownership(&mut self) -> u64 {
        self.ownerships += 1;
        self.ownerships
    }
}
