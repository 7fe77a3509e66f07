//! Why a client cannot start, and why reading cannot go on.

use std::{io, time::Duration};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::{Cause, Partition};

/// Why a client could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings or the connection's properties are wrong, or the system gives no resources.
    #[error("the Kafka {client} cannot start: {source}")]
    Client { client: &'static str, source: Cause },
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
}

impl StartError {
    pub(crate) fn of(client: &'static str, source: KafkaError) -> Self {
        StartError::Client { client, source: source.into() }
    }
}

/// Why reading cannot go on as asked. Trouble with the network is none of these: the client tries
/// again by itself.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The partition's reading has stopped; start it again at an offset that the log holds.
    #[error("{partition}: offset {wanted} was asked for, but the log holds {low} to {high}")]
    OutOfRange { partition: Partition, wanted: i64, low: i64, high: i64 },
    /// As `OutOfRange`, when the broker could not be asked which partition it was.
    #[error("an offset was asked for that the log does not hold")]
    OutOfRangeSomewhere,
    /// The topic does not exist, or may not be read.
    #[error("the brokers refuse the reading: {source}")]
    Refused { source: Cause },
    /// The client is of no more use.
    #[error("the Kafka consumer has failed for good: {source}")]
    Fatal { source: Cause },
    /// A question to the brokers was not answered in time; ask again.
    #[error("the brokers did not answer ({question}): {source}")]
    Unanswered { question: &'static str, source: Cause },
    /// A call that contradicts the calls before it, such as starting a started partition.
    #[error("{partition} cannot be {action}: {reason}")]
    Misuse { partition: Partition, action: &'static str, reason: String },
    /// Nothing came for this long, though the end was not reached.
    #[error("nothing was read for {0:?}, though the end is not reached")]
    Stalled(Duration),
    /// The partition's reading has stopped without a word, and the client is of no more use.
    #[error(
        "{partition}: nothing comes at offset {next}, though the log holds {low} to {high}; the \
         topic may have been made anew"
    )]
    Astray { partition: Partition, next: i64, low: i64, high: i64 },
}

impl ReadError {
    /// Whether the brokers may say otherwise in a moment. Not all of them know of a topic that was
    /// just made, nor of a leader that has just changed, at the same time.
    pub fn may_pass(&self) -> bool {
        let (ReadError::Refused { source } | ReadError::Unanswered { source, .. }) = self else {
            return false;
        };
        may_pass(source)
    }
}

/// Whether a broker's refusal is that of one that has yet to learn of a topic or a leader.
pub(crate) fn may_pass(source: &Cause) -> bool {
    let code = source.downcast_ref::<KafkaError>().and_then(KafkaError::rdkafka_error_code);
    matches!(
        code,
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicId
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
                | RDKafkaErrorCode::OffsetNotAvailable
        )
    )
}

pub(crate) fn unanswered(question: &'static str, source: KafkaError) -> ReadError {
    ReadError::Unanswered { question, source: source.into() }
}

pub(crate) fn misuse(
    partition: &Partition,
    action: &'static str,
    reason: &dyn ToString,
) -> ReadError {
    ReadError::Misuse { partition: partition.clone(), action, reason: reason.to_string() }
}
