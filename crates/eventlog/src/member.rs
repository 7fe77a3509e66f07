//! A group member: membership says which partitions are ours, the owner says from where each is read.
//!
//! ```text
//!            Assigned                 start(offset)               Revoked
//!  (nobody) ----------> ours, silent ---------------> ours, read ---------> ours until the next poll
//! ```
//!
//! An assignment alone starts no fetch: the library is told that the assignment is accepted with
//! nothing to read, and each partition is added when its owner knows the offset. So no fetch ever
//! starts at a default position, and a slow restore never holds up the group.
//!
//! A revoked partition stays ours until the next [`Member::poll`] (or [`Member::release`]): that is
//! the time to take the last reports and commit the frontier. Nothing of it is read in between.
//!
//! Used from one thread, whose calls it blocks, and polled at least once a minute.

mod hearing;
mod rebalance;

use std::time::{Duration, Instant};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext},
    error::KafkaError,
};

use crate::{
    Connection, Partition, ReadError, Record, StartError, Watermarks,
    consumer::{Fetcher, list_of},
    error::unanswered,
    settings::{self, Pace, REQUEST_TIMEOUT},
};
use hearing::Hearing;
use rebalance::{Change, ClosingFlag, Rebalancing};

/// Which group is joined, and for what.
#[derive(Debug, Clone)]
pub struct Membership<'a> {
    pub group: &'a str,
    /// Name by which the brokers know this client.
    pub client_id: &'a str,
    pub topics: &'a [&'a str],
    pub pace: Pace,
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled {
    /// The next record of a started partition.
    Record(Record),
    /// These partitions are ours now, beside those that were; start each when its offset is known.
    Assigned(Vec<Partition>),
    /// These partitions are ours until the next poll; forget their states. `is_lost` when the group
    /// has given them away already, because this member was silent for too long.
    Revoked { partitions: Vec<Partition>, is_lost: bool },
    /// Reading cannot go on as asked.
    Failed(ReadError),
    /// Nothing within the time, or only something for the library itself.
    Idle,
}

/// What the group remembers of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Everything below it is done.
    pub offset: i64,
    /// As it was committed; empty where there was none.
    pub metadata: String,
}

/// A member of a consumer group.
pub struct Member {
    // Dropped before the consumer, whose drop closes it.
    closing: ClosingFlag,
    fetcher: Fetcher<Rebalancing>,
    /// Revoked and not yet given back.
    revoked: Option<Vec<Partition>>,
    hearing: Hearing,
}

impl Member {
    /// Joins a group; partitions come with [`Polled::Assigned`]. Needs no broker yet.
    pub fn join(connection: &Connection, membership: &Membership<'_>) -> Result<Self, StartError> {
        let (context, closing) = Rebalancing::new();
        let consumer: BaseConsumer<Rebalancing> =
            settings::member(connection, membership.client_id, membership.group, membership.pace)
                .create_with_context(context)
                .map_err(|source| StartError::of("group member", source))?;
        consumer
            .subscribe(membership.topics)
            .map_err(|source| StartError::of("group member", source))?;
        let hearing = Hearing::new(Instant::now());
        Ok(Self { closing, fetcher: Fetcher::new(consumer), revoked: None, hearing })
    }

    /// What comes next, for which it waits at most `timeout`. Gives revoked partitions back first.
    pub fn poll(&mut self, timeout: Duration) -> Polled {
        if let Err(error) = self.release() {
            return Polled::Failed(error);
        }
        match self.fetcher.poll(timeout) {
            Ok(Some(record)) => Polled::Record(record),
            Ok(None) => match self.take_change() {
                Some(change) => {
                    self.hearing.heard();
                    change
                }
                None if self.hearing.is_deaf(Instant::now()) => {
                    let source = "the group has not answered: the client is given up".into();
                    Polled::Failed(ReadError::Fatal { source })
                }
                None => Polled::Idle,
            },
            Err(error) => Polled::Failed(error),
        }
    }

    /// Gives revoked partitions back now, and stops reading them. Does nothing when none are.
    pub fn release(&mut self) -> Result<(), ReadError> {
        match self.revoked.take() {
            Some(partitions) => self.fetcher.stop(&partitions),
            None => Ok(()),
        }
    }

    /// Starts reading one of our partitions at an offset.
    pub fn start(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        self.fetcher.start(partition, offset)
    }

    /// Stops reading a partition and starts again at another offset, for a restore or a repair.
    pub fn restart(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        self.fetcher.restart(partition, offset)
    }

    /// Stops reading a partition, which stays ours.
    pub fn stop(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.stop(std::slice::from_ref(partition))
    }

    /// Holds a partition's records back, without losing any; the others go on.
    pub fn pause(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.pause(partition)
    }

    /// Ends a pause.
    pub fn resume(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.resume(partition)
    }

    /// Offset of the next record of a started partition.
    pub fn next(&self, partition: &Partition) -> Option<i64> {
        self.fetcher.next(partition)
    }

    /// Asks the broker which offsets the partition holds; waits up to ten seconds.
    pub fn watermarks(&self, partition: &Partition) -> Result<Watermarks, ReadError> {
        self.fetcher.watermarks(partition, REQUEST_TIMEOUT)
    }

    /// Asks the group what was committed for each partition, in the same order; `None` where nothing
    /// was. Waits up to ten seconds.
    pub fn committed(&self, partitions: &[Partition]) -> Result<Vec<Option<Committed>>, ReadError> {
        committed(self.fetcher.consumer(), partitions)
    }

    /// Commits without waiting: for each partition the offset below which everything is done, and a
    /// note of at most 4,096 bytes. A commit that fails or is lost only causes repeats; it is counted
    /// and logged.
    pub fn commit(&self, commits: &[(Partition, Committed)]) -> Result<(), ReadError> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for (partition, committed) in commits {
            let mut element = list.add_partition(&partition.topic, partition.number);
            element
                .set_offset(Offset::Offset(committed.offset))
                .map_err(|source| unanswered("commit", source))?;
            element.set_metadata(&committed.metadata);
        }
        self.fetcher
            .consumer()
            .commit(&list, CommitMode::Async)
            .map_err(|source| unanswered("commit", source))
    }

    /// Leaves the group, so that others take over at once. False when that takes longer than
    /// `within`; it then goes on by itself, or ends with the process.
    pub fn leave(self, within: Duration) -> bool {
        self.closing.set();
        self.fetcher.dispose().recv_timeout(within).is_ok()
    }

    /// The change that the last poll brought: a poll brings either a record or a change.
    fn take_change(&mut self) -> Option<Polled> {
        let change = self.fetcher.consumer().context().take_change()?;
        Some(match change {
            Change::Assigned(partitions) => Polled::Assigned(partitions),
            Change::Revoked { partitions, is_lost } => {
                self.revoked = Some(partitions.clone());
                Polled::Revoked { partitions, is_lost }
            }
            Change::Failed(source) => Polled::Failed(ReadError::Refused { source: source.into() }),
        })
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("started", &self.fetcher.started()).finish_non_exhaustive()
    }
}

pub(crate) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[Partition],
) -> Result<Vec<Option<Committed>>, ReadError> {
    let list = consumer
        .committed_offsets(list_of(partitions), REQUEST_TIMEOUT)
        .map_err(|source| unanswered("committed offsets", source))?;
    partitions.iter().map(|partition| committed_in(&list, partition)).collect()
}

fn committed_in(
    list: &TopicPartitionList,
    partition: &Partition,
) -> Result<Option<Committed>, ReadError> {
    let Some(element) = list.find_partition(&partition.topic, partition.number) else {
        return Ok(None);
    };
    element.error().map_err(|source: KafkaError| unanswered("committed offsets", source))?;
    Ok(match element.offset() {
        Offset::Offset(offset) => {
            Some(Committed { offset, metadata: element.metadata().to_owned() })
        }
        _ => None,
    })
}
