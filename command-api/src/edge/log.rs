//! The seam between the edge and the command log: append here, acknowledgements and replies come
//! back through [`Waiting`](super::waiting::Waiting) and [`Shards`](super::shards::Shards).

use std::fmt::Debug;

use events::{ShardId, header::Headers};

/// One copy of a command, on its way into the log.
#[derive(Debug)]
pub struct Append<'a> {
    /// Where it goes.
    pub shard: ShardId,
    /// Names it in the report about its delivery.
    pub ticket: u64,
    /// Identity of the aggregate.
    pub key: &'a str,
    /// The command as an Avro single object.
    pub value: &'a [u8],
    pub headers: Headers,
}

/// The log took nothing; the command is certainly not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The buffer in front of the log is full.
    BufferFull,
    /// The record is larger than the log takes.
    TooLarge,
    /// The connection to the log is being made anew.
    Unavailable,
}

/// Where commands are appended.
pub trait CommandLog: Debug + Send + Sync {
    /// Hands a record to the log in one synchronous step that never blocks, so that a handler
    /// whose client goes away has either done it or not. Once this is `Ok`, the ticket is
    /// acknowledged exactly once, as appended or as unknown.
    fn append(&self, record: Append<'_>) -> Result<(), NotTaken>;
}
