//! The answer to one client record, for the edge that appended it.

use serde::{Deserialize, Serialize};

use crate::{Millis, codec::record, outcome::Outcome};

/// What kind of answer a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Answer {
    /// See the outcome.
    Decided,
    /// Issued-at outside the window; says nothing about earlier copies.
    Stale,
    /// Another body under the same command id.
    KeyReused,
    /// The shard has no rules yet.
    NotInitialised,
}

/// The answer to one client record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// 32 hex digits, as in the command's return address.
    pub correlation: String,
    /// UUID of the client command.
    pub command_id: String,
    pub answer: Answer,
    /// True when the outcome was decided by an earlier copy.
    pub replayed: bool,
    /// Present with [`Answer::Decided`].
    pub outcome: Option<Outcome>,
    /// The shard's log time.
    pub now: Millis,
    /// Offset of the record whose step wrote this reply: everything up to it is decided.
    pub decided_offset: i64,
    /// Remembered commands of the shard.
    pub dedup_entries: i64,
    /// Aggregates in the shard's state.
    pub live_aggregates: i64,
}

record!(Reply, "spillway.replies", "replies/Reply.v1.avsc");
