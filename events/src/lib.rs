//! The contract: record types, their Avro codec, headers, topics and positions.
//!
//! No Kafka and no I/O: everything here is a value or a pure function of bytes. The schemas lie in
//! `schemas/`, one file per record and version, and are compiled in.

pub mod asyncapi;
pub mod codec;
pub mod command;
pub mod dead_letter;
pub mod event;
pub mod header;
pub mod id;
pub mod kind;
pub mod line;
pub mod log_time;
pub mod money;
pub mod order;
pub mod origin;
pub mod outcome;
pub mod partitioner;
pub mod position;
pub mod product;
pub mod profile;
pub mod reply;
pub mod shard_id;
pub mod topic;

pub use command::Command;
pub use event::Event;
pub use kind::Kind;
pub use money::Money;
pub use origin::Origin;
pub use position::Position;
pub use shard_id::ShardId;
pub use topic::Topic;

/// Milliseconds since the Unix epoch, in log time.
pub type Millis = i64;
