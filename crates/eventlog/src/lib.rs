//! The log: the only crate that names the Kafka client and the registry client.
//!
//! What callers get, and what they may rely on:
//!
//! - [`Producer`]: outputs in order and without a gap, each answered by exactly one report.
//! - [`Member`]: group membership says which partitions are ours; the owner says from which offset
//!   each is read. No fetch ever starts at a default position.
//! - [`LogReader`]: partitions read from explicit offsets, without a group.
//! - [`Topics`]: creates the topics, writes the first records of every shard, refuses wrong ones.
//! - [`control_records`]: what an operator says to shards, written into their command logs.
//! - [`Registry`], [`SchemaReader`]: the registry's ids, and the schemas behind them.
//! - [`decode_event`]: a record of an event topic as an event, or why it is poison.
//!
//! Calls of [`Producer`], [`Member`] and [`LogReader`] block for as long as they say and belong on
//! threads of their own; everything that is `async` may be awaited anywhere in a tokio runtime.

mod admin;
mod connection;
mod consumer;
mod context;
pub mod control_records;
mod decode;
mod deletion;
mod error;
mod group;
mod member;
pub mod metrics;
mod partition;
pub mod producer;
mod reader;
mod record;
pub mod registry;
mod settings;
pub mod topics;
mod watch;

pub use admin::AdminError;
pub use connection::{Connection, NotASecurityProperty};
pub use decode::{DecodeError, Poison, decode_event};
pub use deletion::delete_before;
pub use error::{ReadError, StartError};
pub use group::GroupView;
pub use member::{Committed, Member, Membership, Polled};
pub use partition::{Partition, Watermarks};
pub use producer::{Outgoing, Producer, Report, Reports, SendError};
pub use reader::LogReader;
pub use record::{Record, Timestamp};
pub use registry::{Registry, SchemaIds, SchemaReader};
pub use settings::Pace;
pub use topics::Topics;

/// Why the client library said no; its text is part of the error that carries it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
