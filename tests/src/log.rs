//! The log of the system under test: what lies in it, and records that nobody should write.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use eventlog::{
    Connection, GroupView, LogReader, Outgoing, Partition, Producer, ReadError, Record, Report,
    producer,
};
use events::{
    Kind, Topic,
    header::{Headers, View},
    position::{Arrival, Mark},
    profile::Profile,
};

use crate::until;

/// The consumer group of the shards.
const GROUP: &str = "command-api";
const CLIENT_ID: &str = "spillway-tests";
/// Longest silence within a reading, and longest wait for an acknowledgement.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A record as somebody else than the system would write it.
#[derive(Debug, Clone)]
pub struct RawRecord {
    pub partition: Partition,
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
    pub headers: Headers,
}

/// Reads and writes the log. Its calls may be awaited anywhere: they block threads of their own.
///
/// A broker that has just started, or a topic that was just made, is not known to all brokers at once,
/// so what they cannot say yet is asked again, for as long as [`until`] waits.
#[derive(Debug, Clone)]
pub struct Log {
    connection: Connection,
    profile: Profile,
    eyes: Arc<Mutex<Eyes>>,
}

#[derive(Debug)]
struct Eyes {
    reader: LogReader,
    group: GroupView,
    profile: Profile,
}

impl Log {
    pub(crate) fn open(connection: Connection, profile: Profile) -> anyhow::Result<Self> {
        let eyes = Arc::new(Mutex::new(Eyes::open(&connection, profile)?));
        Ok(Self { connection, profile, eyes })
    }

    /// Everything that lies in a partition now.
    ///
    /// # Errors
    /// The brokers do not answer in time, here and below.
    pub async fn read(&self, partition: Partition) -> anyhow::Result<Vec<Record>> {
        self.look(move |eyes| eyes.read(&partition)).await
    }

    /// Everything that lies in a topic now, partition by partition.
    pub async fn read_topic(&self, topic: Topic) -> anyhow::Result<Vec<Record>> {
        self.look(move |eyes| {
            let mut records = Vec::new();
            for partition in eyes.all_of(topic) {
                records.append(&mut eyes.read(&partition)?);
            }
            Ok(records)
        })
        .await
    }

    /// Appends a record, and gives its offset.
    pub async fn append(&self, record: RawRecord) -> anyhow::Result<i64> {
        let connection = self.connection.clone();
        tokio::task::spawn_blocking(move || append(&connection, &record)).await?
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The partitions of a topic.
    pub fn partitions(&self, topic: Topic) -> Vec<Partition> {
        Partition::all_of(topic, self.profile.partitions(topic))
    }

    /// How many members the group of the shards has, as its coordinator sees them.
    pub async fn members(&self) -> anyhow::Result<usize> {
        self.look(|eyes| Ok(eyes.group.members()?)).await
    }

    /// Succeeds when every command that lies in the log is decided and all of its outputs are out.
    pub async fn is_decided(&self) -> anyhow::Result<()> {
        self.look(Eyes::is_decided).await
    }

    /// The mark at which each partition of events and outcomes ends for its readers.
    pub(crate) async fn ends(&self) -> anyhow::Result<BTreeMap<Partition, Mark>> {
        self.look(Eyes::ends).await
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl Fn(&mut Eyes) -> anyhow::Result<T> + Clone + Send + 'static,
    ) -> anyhow::Result<T> {
        let looked = until("the brokers answer", async || {
            let (eyes, connection) = (Arc::clone(&self.eyes), self.connection.clone());
            let (profile, look) = (self.profile, look.clone());
            tokio::task::spawn_blocking(move || {
                let mut eyes = eyes.lock().unwrap_or_else(PoisonError::into_inner);
                match look(&mut eyes) {
                    Err(error) if is_passing(&error) => {
                        // What the clients remember of a topic that is gone goes with them.
                        *eyes = Eyes::open(&connection, profile)?;
                        Err(error)
                    }
                    looked => Ok(looked),
                }
            })
            .await?
        });
        looked.await?
    }
}

/// Whether it is the brokers that cannot answer yet, and not the answer that is wrong.
fn is_passing(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ReadError>() {
        Some(ReadError::Fatal { .. } | ReadError::Misuse { .. }) | None => false,
        Some(error @ ReadError::Refused { .. }) => error.may_pass(),
        Some(_) => true,
    }
}

impl Eyes {
    fn open(connection: &Connection, profile: Profile) -> anyhow::Result<Self> {
        let reader = LogReader::open(connection, CLIENT_ID)?;
        let group = GroupView::open(connection, CLIENT_ID, GROUP)?;
        Ok(Self { reader, group, profile })
    }

    fn read(&mut self, partition: &Partition) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        let low = self.reader.watermarks(partition)?.low;
        self.reader.read_to_end(&[(partition.clone(), low)], SILENCE_MAX, |record| {
            records.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }

    /// The commits are read before the ends of the logs: where both are equal, nothing lay behind
    /// the commits when they were read, so nothing was on its way to another shard either.
    fn is_decided(&mut self) -> anyhow::Result<()> {
        let partitions: Vec<Partition> =
            Kind::ALL.into_iter().flat_map(|kind| self.all_of(Topic::Commands(kind))).collect();
        let committed = self.group.committed(&partitions)?;
        for (partition, committed) in partitions.iter().zip(committed) {
            let committed = committed.map_or(0, |committed| committed.offset);
            let high = self.reader.watermarks(partition)?.high;
            ensure!(committed == high, "{partition}: {committed} of {high} commands are decided");
        }
        Ok(())
    }

    fn ends(&mut self) -> anyhow::Result<BTreeMap<Partition, Mark>> {
        let topics = Kind::ALL.into_iter().flat_map(|kind| {
            let events = self.all_of(Topic::Events(kind));
            events.into_iter().chain(self.all_of(Topic::Outcomes(kind)))
        });
        let partitions: Vec<Partition> = topics.collect();
        partitions
            .into_iter()
            .map(|partition| Ok((partition.clone(), self.end(&partition)?)))
            .collect()
    }

    fn end(&mut self, partition: &Partition) -> anyhow::Result<Mark> {
        let mut end = Mark::default();
        for record in self.read(partition)? {
            let Some((source, mark)) = View(&record.headers()).link() else { continue };
            if Some(source) == partition.shard() && end.arrival(mark) == Arrival::Next {
                end = mark;
            }
        }
        Ok(end)
    }

    fn all_of(&self, topic: Topic) -> Vec<Partition> {
        Partition::all_of(topic, self.profile.partitions(topic))
    }
}

fn append(connection: &Connection, record: &RawRecord) -> anyhow::Result<i64> {
    let options = producer::Options::commands(CLIENT_ID, SILENCE_MAX);
    let (producer, reports) = Producer::start(connection, &options)?;
    producer.send(&Outgoing {
        topic: &record.partition.topic,
        partition: record.partition.number,
        key: record.key.as_deref(),
        value: &record.value,
        headers: &record.headers,
        tag: 0,
    })?;
    match reports.take_within(2 * SILENCE_MAX)?.context("no acknowledgement")? {
        Report::Delivered { offset, .. } => Ok(offset),
        other => bail!("{other:?}"),
    }
}
