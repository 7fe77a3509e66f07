//! A record's meaning, ready to be folded; or why it has none.

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::Origin;
use uuid::Uuid;

pub use readmodel::{Unfit, time};

/// A body with what its headers say.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact<B> {
    pub body: B,
    /// Log time of the step.
    pub at: DateTime<Utc>,
    /// Version of the aggregate after the event; absent where the body belongs to no aggregate.
    pub version: Option<i64>,
    /// The client command that it stems from.
    pub command_id: Option<Uuid>,
    pub source: Source,
}

/// Where a fact was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub partition: Partition,
    pub offset: i64,
    pub incarnation: i64,
    pub link_sequence: i64,
    /// The step that wrote it; absent in facts made by hand.
    pub origin: Option<Origin>,
}

/// Why a record could not be applied. Its key is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// Stable word for the table and the metrics.
    pub class: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Poison {
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// Classes of dead letters, besides those of [`eventlog::Poison`].
pub mod class {
    /// Its headers are not ours.
    pub const FOREIGN_RECORD: &str = "foreign-record";
    /// A header that only this kind of body needs is missing or unreadable.
    pub const BAD_HEADER: &str = "bad-header";
    /// The record has no value.
    pub const NO_VALUE: &str = "no-value";
    /// The record key is not the body's key.
    pub const WRONG_KEY: &str = "wrong-key";
    /// The bytes do not follow the schema.
    pub const UNDECODABLE: &str = "undecodable";
    /// The fold says that it cannot follow what was applied so far.
    pub const UNFIT: &str = "unfit";
    /// PostgreSQL refuses the resulting rows.
    pub const UNSTORABLE: &str = "unstorable";
    /// It waits behind an earlier letter of its key.
    pub const PARKED: &str = "parked";
}

impl<B> Fact<B> {
    /// The version, when it is the one that follows `last`.
    pub fn version_after(&self, last: i64) -> Result<i64, Unfit> {
        readmodel::next_version(last, self.version)
    }
}
