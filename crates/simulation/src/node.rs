//! One instance of the processor: drives the real [`Processor`] as the Kafka loop does, in pieces
//! small enough to crash between any two.

use std::collections::BTreeMap;

use events::{Millis, ShardId, header::View};
use shard::{
    Output, Timestamp, plant, planted,
    processor::{Committed, Offsets, Processor, Taken},
};

use crate::{
    broker::{Broker, ProducerId, Stored},
    group::Group,
    producer::{Producer, Report},
};

/// How long after a doubt the shards are restored.
const RETRY_MS: Millis = 40;

/// A processor with its producer and its place in each log.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) processor: Processor,
    /// One; a planted bug has two.
    pub(crate) producers: Vec<Producer>,
    /// The shards that it takes for its own, and the offset that it reads next.
    positions: BTreeMap<ShardId, Option<i64>>,
    /// Time during which it does nothing.
    pub(crate) paused_until: Millis,
    /// Time during which the coordinator does not reach it.
    pub(crate) cut_off_until: Millis,
    retry_at: Millis,
    /// What must never matter: the own clock, and which binary runs here.
    #[cfg_attr(not(feature = "planted-bugs"), allow(dead_code))]
    clock_ahead: Millis,
    #[cfg_attr(not(feature = "planted-bugs"), allow(dead_code))]
    is_old: bool,
}

impl Node {
    pub(crate) fn new(producers: Vec<Producer>, is_old: bool, clock_ahead: Millis) -> Self {
        Self {
            processor: Processor::default(),
            producers,
            positions: BTreeMap::new(),
            paused_until: 0,
            cut_off_until: 0,
            retry_at: 0,
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
    ) -> (Vec<(ShardId, Committed)>, bool) {
        let (mut commits, mut is_doubtful) = (Vec::new(), false);
        if !is_lost {
            is_doubtful = self.take_reports();
            commits = self.commits();
        }
        plant!(PurgeOnRevoke => self.purge());
        self.processor.revoked([shard]);
        self.positions.remove(&shard);
        (commits, is_doubtful)
    }

    /// Restores one waiting shard.
    ///
    /// # Errors
    /// The shard halted: nothing in a simulation gives it a reason.
    pub(crate) fn restore(
        &mut self,
        broker: &Broker,
        group: &Group,
        now: Millis,
    ) -> Result<(), String> {
        if self.retry_at > now {
            return Ok(());
        }
        for shard in self.processor.unrestored() {
            let high = self.end_of(broker, shard);
            let offsets = Offsets { low: 0, high };
            let committed = group.committed.get(&shard);
            let start = self
                .processor
                .restore(shard, offsets, committed)
                .map_err(|impossible| format!("{shard} cannot be restored: {impossible}"))?;
            self.positions.insert(shard, Some(start));
        }
        Ok(())
    }

    /// Steps the next record of one shard; false when there is none for now.
    ///
    /// # Errors
    /// The shard halted.
    pub(crate) fn poll(
        &mut self,
        shard: ShardId,
        broker: &Broker,
        now: Millis,
    ) -> Result<bool, String> {
        let Some(Some(position)) = self.positions.get(&shard).copied() else { return Ok(false) };
        if self.processor.is_congested() || position >= self.end_of(broker, shard) {
            return Ok(false);
        }
        let log = broker.commands(shard).all();
        let Some(stored) = usize::try_from(position).ok().and_then(|at| log.get(at)) else {
            return Ok(false);
        };
        self.positions.insert(shard, Some(position + 1));
        let headers = stored.view();
        let record = record(position, stored, View(&headers));
        match self.processor.record(shard, &record, monotonic(now)) {
            Taken::Stepped { .. } | Taken::NotOurs => Ok(true),
            Taken::Halted(reason) => Err(format!("{shard} halted at offset {position}: {reason}")),
        }
    }

    fn end_of(&self, broker: &Broker, shard: ShardId) -> i64 {
        let log = broker.commands(shard);
        offset(planted!(ReadAboveTheHighWatermark => log.all().len(); log.visible().len()))
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
        for shard in self.processor.doubt() {
            self.positions.insert(shard, None);
        }
        self.retry_at = now + RETRY_MS;
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        self.processor.tick(monotonic(now));
    }

    pub(crate) fn commits(&mut self) -> Vec<(ShardId, Committed)> {
        let due = self.processor.commits().into_iter();
        due.map(|(shard, commit)| {
            let metadata = commit.metadata();
            (shard, Committed { offset: commit.offset, metadata })
        })
        .collect()
    }

    /// Everything read, everything out.
    pub(crate) fn is_idle(&self, broker: &Broker) -> bool {
        let is_read = |(shard, position): (&ShardId, &Option<i64>)| {
            *position == Some(self.end_of(broker, *shard))
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
