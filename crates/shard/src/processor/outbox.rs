//! Outputs on their way: in one queue until the producer takes them, then known by tag.

use std::collections::VecDeque;

use events::{Command, ShardId, Topic, command::Tick};
use rustc_hash::FxHashMap;

use crate::Output;

/// Names an output in its report; never used twice.
pub type Tag = u64;

/// Which ownership of which shard an output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) shard: ShardId,
    pub(super) ownership: u64,
    /// Offset of the command whose step wrote it.
    pub(super) offset: i64,
}

#[derive(Debug)]
struct Parcel {
    /// `None` for a Tick, which no frontier waits for.
    source: Option<Source>,
    output: Output,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Parcel>,
    sent: FxHashMap<Tag, Source>,
    next_tag: Tag,
}

impl Outbox {
    /// An empty one for the next producer; reports for the last one mean nothing to it.
    pub(super) fn after(last: &Outbox) -> Self {
        Self { next_tag: last.next_tag, ..Self::default() }
    }

    pub(super) fn push(&mut self, source: Source, outputs: Vec<Output>) {
        let parcels = outputs.into_iter().map(|output| Parcel { source: Some(source), output });
        self.waiting.extend(parcels);
    }

    /// Queues a Tick for a shard's own log.
    pub(super) fn push_tick(&mut self, shard: ShardId) {
        let output = Output {
            topic: Topic::Commands(shard.kind),
            partition: shard.partition,
            key: None,
            value: Command::from(Tick {}).to_single_object(),
            event: None,
            headers: planted!(
                TickCarryingAClock => vec![("clock", crate::planted::instance().clock.to_string())];
                Vec::new()
            ),
        };
        self.waiting.push_back(Parcel { source: None, output });
    }

    pub(super) fn front(&self) -> Option<(&Output, Tag)> {
        self.waiting.front().map(|parcel| (&parcel.output, self.next_tag))
    }

    pub(super) fn front_shard(&self) -> Option<ShardId> {
        let parcel = self.waiting.front()?;
        match parcel.source {
            Some(source) => Some(source.shard),
            None => parcel.output.log(),
        }
    }

    pub(super) fn sent(&mut self) {
        let Some(parcel) = self.waiting.pop_front() else { return };
        if let Some(source) = parcel.source {
            self.sent.insert(self.next_tag, source);
        }
        self.next_tag += 1;
    }

    pub(super) fn acknowledged(&mut self, tag: Tag) -> Option<Source> {
        self.sent.remove(&tag)
    }

    /// Drops what a shard has waiting; what the producer has taken still goes out.
    pub(super) fn forget(&mut self, shard: ShardId) {
        self.waiting.retain(|parcel| match parcel.source {
            Some(source) => source.shard != shard,
            None => parcel.output.log() != Some(shard),
        });
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn outstanding(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }
}

impl Output {
    /// The shard that reads this output as a command.
    fn log(&self) -> Option<ShardId> {
        match self.topic {
            Topic::Commands(kind) => Some(ShardId::new(kind, self.partition)),
            _ => None,
        }
    }
}
