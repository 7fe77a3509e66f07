//! The log in memory: partitions with a high watermark and the sequences of their producers.

mod partition;

pub(crate) use partition::{Log, Request, Response};

use std::collections::BTreeMap;

use events::{Millis, ShardId, Topic, command::Parameters};

/// A topic's partition.
pub(crate) type PartitionId = (Topic, i32);

/// One instance of a producer; a new one for every life, and for every epoch within it.
pub(crate) type ProducerId = u64;

/// A record in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Set by the broker.
    pub(crate) timestamp: Millis,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Stored {
    /// The headers as the protocol code reads them.
    pub(crate) fn view(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// All partitions.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) logs: BTreeMap<PartitionId, Log>,
}

impl Broker {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let partitions = Topic::ALL
            .into_iter()
            .flat_map(|topic| (0..parameters.partitions(topic)).map(move |p| (topic, p)));
        Self { logs: partitions.map(|partition| (partition, Log::default())).collect() }
    }

    pub(crate) fn log(&self, partition: PartitionId) -> &Log {
        // Partitions are made once, for every topic.
        &self.logs[&partition]
    }

    pub(crate) fn log_mut(&mut self, partition: PartitionId) -> &mut Log {
        self.logs.entry(partition).or_default()
    }

    pub(crate) fn commands(&self, shard: ShardId) -> &Log {
        self.log((Topic::Commands(shard.kind), shard.partition))
    }

    /// The shards, which are the partitions of the command topics.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        let shards = self.logs.keys().filter_map(|(topic, partition)| match topic {
            Topic::Commands(kind) => Some(ShardId::new(*kind, *partition)),
            _ => None,
        });
        shards.collect()
    }
}
