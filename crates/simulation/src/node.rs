//! One instance of the processor: drives the real [`Processor`] as the Kafka loop does, in pieces
//! small enough to crash between any two.

use std::collections::BTreeMap;

use events::{Millis, ShardId, header::View};
use shard::{
    Output, Timestamp, plant, planted,
    processor::{Committed, Processor, Taken},
    snapshot::{self, Log, Want},
};

use crate::{
    broker::{Broker, ProducerId, Stored},
    group::Group,
    library::Library,
    producer::{Producer, Report},
    random::Random,
    restores::{self, Restored, Restores},
    taker::Taker,
};

/// How long after a doubt the shards are restored.
const RETRY_MS: Millis = 40;
/// How often commits are sent again, though nothing has moved.
const COMMIT_AGAIN_MS: Millis = 2_000;

/// A processor with its producer and its place in each log.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) processor: Processor,
    /// One; a planted bug has two.
    pub(crate) producers: Vec<Producer>,
    /// The shards that it takes for its own, and the offset that it reads next.
    positions: BTreeMap<ShardId, Option<i64>>,
    restores: Restores,
    pub(crate) taker: Taker,
    /// Time during which it does nothing.
    pub(crate) paused_until: Millis,
    /// Time during which the coordinator does not reach it.
    pub(crate) cut_off_until: Millis,
    retry_at: Millis,
    commit_again_at: Millis,
    /// What must never matter: the own clock, and which binary runs here.
    #[cfg_attr(not(feature = "planted-bugs"), allow(dead_code))]
    clock_ahead: Millis,
    #[cfg_attr(not(feature = "planted-bugs"), allow(dead_code))]
    is_old: bool,
}

/// What a poll of one shard brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    Nothing,
    Record,
    /// What it should read next was deleted: all shards are restored.
    OutOfRange,
}

impl Node {
    pub(crate) fn new(producers: Vec<Producer>, is_old: bool, clock_ahead: Millis) -> Self {
        Self {
            processor: Processor::default(),
            producers,
            positions: BTreeMap::new(),
            restores: Restores::default(),
            taker: Taker::default(),
            paused_until: 0,
            cut_off_until: 0,
            retry_at: 0,
            commit_again_at: 0,
            clock_ahead,
            is_old,
        }
    }

    pub(crate) fn holds(&self, shard: ShardId) -> bool {
        self.positions.contains_key(&shard)
    }

    pub(crate) fn shards(&self) -> Vec<ShardId> {
        self.positions.keys().copied().collect()
    }

    pub(crate) fn assigned(&mut self, shard: ShardId) {
        self.positions.insert(shard, None);
        self.processor.assigned([shard]);
    }

    /// Commits once more where it still can, then drops the shard. Gives what it commits, and
    /// whether the last reports told of a doubt.
    pub(crate) fn revoked(
        &mut self,
        shard: ShardId,
        is_lost: bool,
        now: Millis,
    ) -> (Vec<(ShardId, Committed)>, bool) {
        let (mut commits, mut is_doubtful) = (Vec::new(), false);
        if !is_lost {
            is_doubtful = self.take_reports();
            commits = self.commits(now);
        }
        plant!(PurgeOnRevoke => self.purge());
        self.processor.revoked([shard]);
        self.positions.remove(&shard);
        self.restores.forget(shard);
        self.taker.forget(shard);
        (commits, is_doubtful)
    }

    /// Goes on with the restores of waiting shards: ends a search for a snapshot, or begins some.
    ///
    /// # Errors
    /// The shard halted: nothing in a simulation gives it a reason.
    pub(crate) fn restore(
        &mut self,
        broker: &Broker,
        group: &Group,
        library: &Library,
        now: Millis,
        random: &mut Random,
    ) -> Result<Option<Restored>, String> {
        if self.retry_at > now {
            return Ok(None);
        }
        let restored = self.restores.end(&mut self.processor, broker, library, random)?;
        if let Some(Restored { shard, start, .. }) = &restored {
            self.positions.insert(*shard, Some(*start));
        }
        self.restores.begin(&self.processor, group, |shard| restores::offsets(broker, shard));
        Ok(restored)
    }

    /// Begins a repair: whatever the records from `from` on have given is sent again.
    ///
    /// # Errors
    /// There is nothing to begin with.
    pub(crate) fn rewind(
        &mut self,
        shard: ShardId,
        from: i64,
        broker: &Broker,
        library: &Library,
    ) -> Result<(), String> {
        // No member of the group: nobody gives it a shard, and nobody takes this one.
        self.cut_off_until = Millis::MAX;
        self.processor.assigned([shard]);
        let offsets = restores::offsets(broker, shard);
        let first = broker.commands(shard).visible().first();
        let stream_id = first.and_then(|first| snapshot::stream_id(&first.value));
        let log = Log { shard, offsets, stream_id };
        let found = library.find(&log, Want::NewestUpTo(from), None);
        let start = self
            .processor
            .rewind(shard, offsets, from, found.state)
            .map_err(|impossible| format!("{shard} cannot be repaired: {impossible}"))?;
        self.positions.insert(shard, Some(start));
        Ok(())
    }

    /// Steps the next record of one shard, if there is one for now.
    ///
    /// # Errors
    /// The shard halted.
    pub(crate) fn poll(
        &mut self,
        shard: ShardId,
        broker: &Broker,
        now: Millis,
    ) -> Result<Polled, String> {
        let Some(Some(position)) = self.positions.get(&shard).copied() else {
            return Ok(Polled::Nothing);
        };
        let offsets = restores::offsets(broker, shard);
        if self.processor.is_congested() || position >= offsets.high {
            return Ok(Polled::Nothing);
        }
        if position < offsets.low {
            return Ok(Polled::OutOfRange);
        }
        let log = broker.commands(shard).all();
        let Some(stored) = usize::try_from(position).ok().and_then(|at| log.get(at)) else {
            return Ok(Polled::Nothing);
        };
        self.positions.insert(shard, Some(position + 1));
        let headers = stored.view();
        let record = record(position, stored, View(&headers));
        match self.processor.record(shard, &record, monotonic(now)) {
            Taken::Stepped { .. } | Taken::NotOurs => Ok(Polled::Record),
            Taken::Halted(reason) => Err(format!("{shard} halted at offset {position}: {reason}")),
        }
    }

    /// Hands the front output to the client library.
    pub(crate) fn send(&mut self) {
        let Some((output, tag)) = self.processor.front() else { return };
        let partition = (output.topic, output.partition);
        let which = usize::try_from(tag).unwrap_or(0) % self.producers.len();
        if self.producers[which].send(partition, tag, stored(output)) {
            self.processor.sent();
        }
    }

    /// Takes one report; true when the producer must be replaced.
    pub(crate) fn take_report(&mut self) -> bool {
        let Some(report) = self.producers.iter_mut().find_map(Producer::report) else {
            return false;
        };
        match report {
            Report::Delivered { tag, .. } => {
                self.processor.acknowledged(tag);
                false
            }
            #[cfg_attr(not(feature = "planted-bugs"), allow(unused_variables))]
            Report::Failed { tag } => {
                planted!(DeliveryErrorIgnored => self.ignore(tag); true)
            }
            Report::Suspect | Report::Fatal => true,
        }
    }

    fn take_reports(&mut self) -> bool {
        while self.producers.iter().any(Producer::has_reports) {
            if self.take_report() {
                return true;
            }
        }
        false
    }

    /// The producer's word cannot be trusted any more (PROTOCOL 3).
    pub(crate) fn doubt(&mut self, producers: Vec<Producer>, now: Millis) {
        self.producers = producers;
        self.restores.forget_all();
        for shard in self.processor.doubt() {
            self.positions.insert(shard, None);
        }
        self.retry_at = now + RETRY_MS;
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        self.processor.tick(monotonic(now));
    }

    /// What is to be committed now. From there on a snapshot may be taken.
    pub(crate) fn commits(&mut self, now: Millis) -> Vec<(ShardId, Committed)> {
        if self.commit_again_at <= now {
            self.commit_again_at = now + COMMIT_AGAIN_MS;
            self.processor.commit_again();
        }
        let due = self.processor.commits();
        for (shard, commit) in &due {
            let commit = planted!(
                SnapshotAheadOfTheFrontier => self.processor.owner(*shard).map(shard::owner::Owner::reached);
                Some(commit.clone())
            );
            if let Some(commit) = commit {
                self.taker.committed(*shard, commit);
            }
        }
        let committed = due.into_iter().map(|(shard, commit)| {
            let metadata = commit.metadata();
            (shard, Committed { offset: commit.offset, metadata })
        });
        committed.collect()
    }

    /// Everything read, everything out.
    pub(crate) fn is_idle(&self, broker: &Broker) -> bool {
        let is_read = |(shard, position): (&ShardId, &Option<i64>)| {
            *position == Some(restores::offsets(broker, *shard).high)
        };
        self.processor.outstanding() == 0
            && self.producers.iter().all(Producer::is_idle)
            && self.positions.iter().all(is_read)
            && self.processor.obstacle().is_none()
    }

    pub(crate) fn producer_of(&mut self, id: ProducerId) -> Option<&mut Producer> {
        self.producers.iter_mut().find(|producer| producer.id() == id)
    }

    /// From here on this instance is at work.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn enter(&self, now: Millis) {
        planted::enter(planted::Instance {
            clock: now + self.clock_ahead,
            is_old: self.is_old,
            is_reversed: self.is_old,
        });
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[allow(clippy::unused_self)]
    pub(crate) fn enter(&self, _now: Millis) {}

    #[cfg(feature = "planted-bugs")]
    fn ignore(&mut self, tag: u64) -> bool {
        self.processor.acknowledged(tag);
        for producer in &mut self.producers {
            // Ids of ordinary producers stay far below.
            producer.go_on(producer.id() + (1 << 32));
        }
        false
    }

    #[cfg(feature = "planted-bugs")]
    fn purge(&mut self) {
        for tag in self.producers.iter_mut().flat_map(Producer::purge) {
            self.processor.acknowledged(tag);
        }
    }
}

/// A stored record as the protocol code reads it.
pub(crate) fn record<'a>(offset: i64, stored: &'a Stored, headers: View<'a>) -> shard::Record<'a> {
    shard::Record {
        offset,
        timestamp: Timestamp::LogAppend(stored.timestamp),
        key: stored.key.as_deref(),
        value: Some(&stored.value),
        headers,
    }
}

/// An output as a log stores it, apart from the time.
pub(crate) fn stored(output: &Output) -> Stored {
    let headers = output.headers.iter();
    Stored {
        timestamp: 0,
        key: output.key.as_ref().map(|key| key.clone().into_bytes()),
        value: output.value.clone(),
        headers: headers.map(|(n, v)| ((*n).to_owned(), v.clone().into_bytes())).collect(),
    }
}

/// A length as an offset; logs here are short.
pub(crate) fn offset(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn monotonic(now: Millis) -> u64 {
    u64::try_from(now).unwrap_or(0)
}
