//! What a group member and a reader have in common: partitions that are read from explicit offsets.

use std::{
    thread,
    time::{Duration, Instant},
};

use events::Millis;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Message},
};

use crate::{
    Partition, ReadError, Record, Watermarks,
    error::{misuse, unanswered},
    settings::REQUEST_TIMEOUT,
    watch::Watch,
};

/// Time between two rounds through the partitions.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Bound on the question where a quiet partition ends: nobody waits for the answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// A partition that is being read.
#[derive(Debug)]
struct Fetching {
    partition: Partition,
    /// Offset of the next record to be polled.
    next: i64,
    is_paused: bool,
    watch: Watch,
}

/// Reads started partitions, each from the offset at which it was started.
pub(crate) struct Fetcher<C: ConsumerContext + 'static> {
    consumer: BaseConsumer<C>,
    fetching: Vec<Fetching>,
    look_at: Instant,
}

impl<C: ConsumerContext + 'static> Fetcher<C> {
    pub(crate) fn new(consumer: BaseConsumer<C>) -> Self {
        Self { consumer, fetching: Vec::new(), look_at: Instant::now() }
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    pub(crate) fn start(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        if self.index(partition).is_some() {
            return Err(misuse(partition, "started", &"it is started already"));
        }
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(offset))
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(|error| misuse(partition, "started", &error))?;
        let watch = Watch::new(Instant::now(), self.position(partition));
        let (partition, is_paused) = (partition.clone(), false);
        self.fetching.push(Fetching { partition, next: offset, is_paused, watch });
        Ok(())
    }

    /// Stops reading what is started among `partitions`; the rest is left alone. Records that were
    /// fetched but not polled are dropped by the library.
    pub(crate) fn stop(&mut self, partitions: &[Partition]) -> Result<(), ReadError> {
        let stopped: Vec<Partition> = partitions
            .iter()
            .filter(|partition| self.index(partition).is_some())
            .cloned()
            .collect();
        // A pause would outlive the stop and hold up the next start.
        for partition in &stopped {
            self.resume(partition)?;
        }
        self.fetching.retain(|fetching| !stopped.contains(&fetching.partition));
        // Also with an empty list: it answers a revocation of partitions that were never started.
        self.consumer
            .incremental_unassign(&list_of(&stopped))
            .map_err(|source| ReadError::Refused { source: source.into() })
    }

    pub(crate) fn stop_all(&mut self) -> Result<(), ReadError> {
        self.stop(&self.started())
    }

    pub(crate) fn restart(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        self.stop(std::slice::from_ref(partition))?;
        self.start(partition, offset)
    }

    pub(crate) fn pause(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.set_paused(partition, true)
    }

    pub(crate) fn resume(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.set_paused(partition, false)
    }

    fn set_paused(&mut self, partition: &Partition, is_paused: bool) -> Result<(), ReadError> {
        let action = if is_paused { "paused" } else { "resumed" };
        let Some(index) = self.index(partition) else {
            return Err(misuse(partition, action, &"it is not started"));
        };
        if self.fetching[index].is_paused == is_paused {
            return Ok(());
        }
        let list = list_of(std::slice::from_ref(partition));
        let changed =
            if is_paused { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        changed.map_err(|error| misuse(partition, action, &error))?;
        self.fetching[index].is_paused = is_paused;
        self.fetching[index].watch.heard(Instant::now());
        Ok(())
    }

    pub(crate) fn started(&self) -> Vec<Partition> {
        self.fetching.iter().map(|f| f.partition.clone()).collect()
    }

    /// Offset of the next record to be polled; `None` when the partition is not started.
    pub(crate) fn next(&self, partition: &Partition) -> Option<i64> {
        self.index(partition).map(|index| self.fetching[index].next)
    }

    pub(crate) fn watermarks(
        &self,
        partition: &Partition,
        timeout: Duration,
    ) -> Result<Watermarks, ReadError> {
        self.consumer
            .fetch_watermarks(&partition.topic, partition.number, timeout)
            .map(|(low, high)| Watermarks { low, high })
            .map_err(|source| unanswered("watermarks", source))
    }

    /// How many partitions a topic has.
    pub(crate) fn partitions(&self, topic: &str, timeout: Duration) -> Result<i32, ReadError> {
        let asked = self.consumer.fetch_metadata(Some(topic), timeout);
        let metadata = asked.map_err(|source| unanswered("partitions", source))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let count = found
            .filter(|found| found.error().is_none())
            .map_or(0, |found| i32::try_from(found.partitions().len()).unwrap_or(i32::MAX));
        if count == 0 {
            return Err(ReadError::Refused { source: format!("there is no topic {topic}").into() });
        }
        Ok(count)
    }

    /// Offset of the first record that is not older than `at`; `None` when all are.
    pub(crate) fn offset_at(
        &self,
        partition: &Partition,
        at: Millis,
        timeout: Duration,
    ) -> Result<Option<i64>, ReadError> {
        let question = "offset of a time";
        let mut times = TopicPartitionList::with_capacity(1);
        // A search by time takes the time in the offset's place.
        times
            .add_partition_offset(&partition.topic, partition.number, Offset::Offset(at))
            .and_then(|()| self.consumer.offsets_for_times(times, timeout))
            .map_err(|source| unanswered(question, source))
            .and_then(|found| {
                let found = found.find_partition(&partition.topic, partition.number);
                let found = found.map(|element| (element.offset(), element.error()));
                match found {
                    Some((Offset::Offset(offset), Ok(()))) => Ok(Some(offset)),
                    Some((_, Err(source))) => Err(unanswered(question, source)),
                    _ => Ok(None),
                }
            })
    }

    /// Where the library is with a started partition: behind the last record, and behind the holes
    /// after it. `None` while nothing came; for a moment after a start, where an earlier reading ended.
    pub(crate) fn position(&self, partition: &Partition) -> Option<i64> {
        let list = self.consumer.position().ok()?;
        match list.find_partition(&partition.topic, partition.number)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The next record of any started partition. `None` after `timeout`, or earlier when the
    /// library had something else to do.
    pub(crate) fn poll(&mut self, timeout: Duration) -> Result<Option<Record>, ReadError> {
        self.look()?;
        match self.consumer.poll(timeout) {
            None => Ok(None),
            Some(Ok(message)) => Ok(accept(&mut self.fetching, &message)),
            Some(Err(error)) => match self.diagnose(error) {
                Some(error) => Err(error),
                None => Ok(None),
            },
        }
    }

    /// Looks after the partitions of which nothing comes, when it is time. Brokers that do not answer
    /// are asked about one of them only.
    fn look(&mut self) -> Result<(), ReadError> {
        let now = Instant::now();
        if now < self.look_at {
            return Ok(());
        }
        self.look_at = now + LOOK_PAUSE;
        for index in 0..self.fetching.len() {
            let Fetching { partition, next, is_paused, watch } = &self.fetching[index];
            if *is_paused || !watch.is_due(now) {
                continue;
            }
            let Ok(log) = self.watermarks(partition, LOOK_TIMEOUT) else {
                for fetching in &mut self.fetching {
                    fetching.watch.unanswered(now);
                }
                return Ok(());
            };
            let (partition, next, position) = (partition.clone(), *next, self.position(partition));
            if self.fetching[index].watch.look(now, log, next, position) {
                let Watermarks { low, high } = log;
                return Err(ReadError::Astray { partition, next, low, high });
            }
        }
        Ok(())
    }

    fn index(&self, partition: &Partition) -> Option<usize> {
        self.fetching.iter().position(|f| f.partition == *partition)
    }

    /// What the owner must know of an error; `None` for what the library heals by itself.
    fn diagnose(&self, error: KafkaError) -> Option<ReadError> {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Some(ReadError::Fatal { source: error.into() });
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset) => Some(self.out_of_range()),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed,
            ) => Some(ReadError::Refused { source: error.into() }),
            _ => {
                tracing::debug!(%error, "the Kafka consumer met an error and goes on trying");
                None
            }
        }
    }

    /// The library does not say which partition it was, so each is compared with the log.
    fn out_of_range(&self) -> ReadError {
        for fetching in &self.fetching {
            let Ok(watermarks) = self.watermarks(&fetching.partition, REQUEST_TIMEOUT) else {
                return ReadError::OutOfRangeSomewhere;
            };
            if !watermarks.can_start_at(fetching.next) {
                return ReadError::OutOfRange {
                    partition: fetching.partition.clone(),
                    wanted: fetching.next,
                    low: watermarks.low,
                    high: watermarks.high,
                };
            }
        }
        ReadError::OutOfRangeSomewhere
    }
}

impl<C: ConsumerContext + 'static> Fetcher<C> {
    /// Drops the client on a thread of its own, because the library may take its time or hang, and
    /// tells the returned channel when it is done.
    pub(crate) fn dispose(self) -> crossbeam_channel::Receiver<()> {
        let (done, receiver) = crossbeam_channel::bounded(1);
        let consumer = self.consumer;
        let spawned = thread::Builder::new().name("consumer-drop".to_owned()).spawn(move || {
            drop(consumer);
            let _ = done.send(());
        });
        if let Err(error) = spawned {
            // The closure was dropped, and the client with it, on this thread.
            tracing::warn!(%error, "a Kafka consumer was dropped in place");
        }
        receiver
    }
}

/// Takes a record in, unless it belongs to no started partition.
fn accept(fetching: &mut [Fetching], message: &BorrowedMessage<'_>) -> Option<Record> {
    let (topic, number) = (message.topic(), message.partition());
    let fetching = fetching
        .iter_mut()
        .find(|f| f.partition.number == number && &*f.partition.topic == topic)?;
    fetching.next = message.offset() + 1;
    fetching.watch.heard(Instant::now());
    Some(Record::read(fetching.partition.clone(), message))
}

pub(crate) fn list_of(partitions: &[Partition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}

pub(crate) fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements()
        .iter()
        .map(|element| Partition::new(element.topic(), element.partition()))
        .collect()
}
