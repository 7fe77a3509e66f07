//! Why a shard stops before a record instead of going on.

use events::ShardId;

/// The shard cannot go on; nothing is skipped. The state must be dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    #[error(
        "rules revision {revision} needs code version {rules}, which this binary does not have: \
         start a binary that has it"
    )]
    UnknownRules { revision: i64, rules: i32 },
    #[error(
        "a follow-up from {source_shard} carries rules revision {revision}, which was never \
         proposed here: `spillway rules list` shows where it was"
    )]
    RevisionNotProposed { source_shard: ShardId, revision: i64 },
    #[error("a follow-up arrived before the first rules: run `spillway topics apply`")]
    NotInitialised,
    #[error("a follow-up from {source_shard} cannot be read: {message}")]
    FollowUpUnreadable { source_shard: ShardId, message: String },
    #[error("a follow-up from {source_shard} broke an invariant: {message}")]
    FollowUpPanicked { source_shard: ShardId, message: String },
    #[error("a Tick broke an invariant: {message}")]
    TickPanicked { message: String },
    #[error(
        "the chain at offset {offset} is {found}, but the last owner committed {committed}: the \
         log was changed, or two binaries decide differently"
    )]
    ChainDiffers { offset: i64, found: String, committed: String },
    #[error(
        "the log holds stream {found}, but the last owner committed stream {committed}: the topic \
         was made anew"
    )]
    StreamDiffers { found: String, committed: String },
    #[error("record {found} comes after those below {expected}: the log was read out of order")]
    OutOfOrder { expected: i64, found: i64 },
}
