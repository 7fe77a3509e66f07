//! The producer: records in order, without a gap, each answered by exactly one report.
//!
//! ```text
//!  owner --send--> queue --one request in flight--> broker
//!    ^                                                |
//!    +--- Reports <--- bounded channel <--- poll thread
//! ```
//!
//! *Order.* Records for one partition are written in the order of the calls of [`Producer::send`]. A
//! call that is refused because the queue is full has done nothing: the owner pauses, keeps polling
//! and sends the same record again.
//!
//! *No report is lost, and none blocks the poll thread.* A record counts as outstanding from `send`
//! until the owner takes its report, and `send` refuses above `outstanding_max`; so the channel,
//! which has that capacity, always has room. An owner that takes no reports stops itself.
//!
//! *Doubt.* After a report that [`Report::is_doubt`] calls so, the owner of outputs drops the
//! producer and restores. Dropping is quick and never waits for a broker: what was not yet written
//! is forgotten, always from the end of each partition, so what the log holds stays without a gap.
//! To stop in order, take reports until [`Producer::outstanding`] is 0, then drop.

mod clock;
mod delivery;
mod doubt;
mod poll;
mod report;
mod shared;
mod waiting;

use std::{sync::Arc, time::Duration};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord},
};

pub use crate::settings::SEND_BYTES_MAX;
use crate::{Cause, Connection, StartError, settings};
use delivery::Deliveries;
pub use report::{Ended, Report, Reports};
use shared::Shared;

/// What a producer is for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name by which the brokers know this client.
    pub client_id: String,
    /// Most records between `send` and the taking of their report.
    pub outstanding_max: usize,
    /// When an unacknowledged record is given up; `None`: never.
    pub give_up_after: Option<Duration>,
    /// How long a record waits for others of its partition to share a request. Zero where somebody
    /// waits: with one request in flight, the next batch fills while the broker works on the last.
    pub linger: Duration,
}

impl Options {
    /// For a processor's outputs: nothing is ever given up, because that would leave a gap.
    pub fn outputs(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            outstanding_max: 100_000,
            give_up_after: None,
            linger: Duration::ZERO,
        }
    }

    /// For an edge's commands: after `give_up_after` the client is told that the append is unknown.
    pub fn commands(client_id: impl Into<String>, give_up_after: Duration) -> Self {
        Self {
            client_id: client_id.into(),
            outstanding_max: 100_000,
            give_up_after: Some(give_up_after),
            linger: Duration::ZERO,
        }
    }
}

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
    /// In the order in which they are written.
    pub headers: &'a [(&'static str, String)],
    /// Comes back in the record's report.
    pub tag: usize,
}

/// Why a record was not taken. Nothing was sent, and no report will come for it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Take reports, keep polling, and send the same record again.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The record can never be sent.
    #[error("a record of {bytes} bytes for {topic} is above the limit of {SEND_BYTES_MAX} bytes")]
    TooLarge { topic: String, bytes: usize },
    /// The producer is of no more use; drop it and restore.
    #[error("the producer has failed for good")]
    Fatal,
    /// No such topic or partition, or another refusal of the library.
    #[error("the record for {topic}/{partition} was refused: {source}")]
    Refused { topic: String, partition: i32, source: Cause },
}

/// Sends records; may be shared between threads.
pub struct Producer {
    native: Arc<BaseProducer<Deliveries>>,
    shared: Arc<Shared>,
}

impl Producer {
    /// Starts a producer and its poll thread. Needs no broker yet.
    pub fn start(
        connection: &Connection,
        options: &Options,
    ) -> Result<(Self, Reports), StartError> {
        let config = settings::producer(
            connection,
            &options.client_id,
            options.outstanding_max,
            options.give_up_after,
            options.linger,
        );
        let shared = Arc::new(Shared::new(options.outstanding_max));
        let (deliveries, receiver) = Deliveries::new(Arc::clone(&shared));
        let native: BaseProducer<Deliveries> = config
            .create_with_context(deliveries)
            .map_err(|source| StartError::of("producer", source))?;
        let native = Arc::new(native);
        poll::spawn(Arc::clone(&native), Arc::clone(&shared)).map_err(StartError::Thread)?;
        let reports = Reports::new(receiver, Arc::clone(&shared));
        Ok((Self { native, shared }, reports))
    }

    /// Queues a record, or does nothing and says why. Never waits.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Result<(), SendError> {
        if self.shared.has_failed() {
            return Err(SendError::Fatal);
        }
        if !self.shared.admit() {
            return Err(SendError::QueueFull);
        }
        let record = BaseRecord::<[u8], [u8], usize> {
            topic: outgoing.topic,
            partition: Some(outgoing.partition),
            payload: Some(outgoing.value),
            key: outgoing.key,
            timestamp: None,
            headers: native_headers(outgoing.headers),
            delivery_opaque: outgoing.tag,
        };
        self.shared.sent(outgoing.topic, outgoing.partition);
        self.native.send(record).map_err(|(error, _)| {
            self.shared.withdraw(outgoing.topic, outgoing.partition);
            refusal(outgoing, error)
        })
    }

    /// Records whose report has not been taken yet.
    pub fn outstanding(&self) -> usize {
        self.shared.outstanding()
    }
}

/// The poll thread notices within its next slice, and drops the native producer there.
impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("outstanding", &self.outstanding()).finish_non_exhaustive()
    }
}

fn native_headers(headers: &[(&'static str, String)]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let native = OwnedHeaders::new_with_capacity(headers.len());
    Some(
        headers
            .iter()
            .fold(native, |native, (key, value)| native.insert(Header { key, value: Some(value) })),
    )
}

fn refusal(outgoing: &Outgoing<'_>, error: KafkaError) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
        Some(RDKafkaErrorCode::Fatal) => SendError::Fatal,
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            SendError::TooLarge { topic: outgoing.topic.to_owned(), bytes: size(outgoing) }
        }
        _ => SendError::Refused {
            topic: outgoing.topic.to_owned(),
            partition: outgoing.partition,
            source: error.into(),
        },
    }
}

fn size(outgoing: &Outgoing<'_>) -> usize {
    let headers: usize =
        outgoing.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    outgoing.key.map_or(0, <[u8]>::len) + outgoing.value.len() + headers
}
