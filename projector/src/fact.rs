//! A record's meaning, ready to be folded; or why it has none.

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::Millis;
use uuid::Uuid;

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

/// A fact cannot follow the rows that stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("there is nothing yet that this event could change")]
    Missing,
    #[error("it exists already")]
    Exists,
    #[error("the version is {found}, but {expected} comes next")]
    Version { expected: i64, found: i64 },
    #[error("the event carries no version")]
    NoVersion,
    #[error("line {0} does not exist")]
    Line(i32),
    #[error("line {0} stands there twice")]
    LineTwice(i32),
    #[error("the currency is {found}, but the row's is {expected}")]
    Currency { expected: String, found: String },
    #[error("a number leaves its range: {0}")]
    Range(&'static str),
    #[error("{0} is no point in time")]
    Time(Millis),
    #[error("the body cannot be written as JSON")]
    Json,
    #[error("{0:?} is no UUID")]
    Uuid(String),
    #[error("an event of this kind does not belong to this projection")]
    Stranger,
}

/// Log time as a timestamp.
pub fn time(millis: Millis) -> Result<DateTime<Utc>, Unfit> {
    DateTime::from_timestamp_millis(millis).ok_or(Unfit::Time(millis))
}

impl<B> Fact<B> {
    /// The version, when it is the one that follows `last`.
    pub fn version_after(&self, last: i64) -> Result<i64, Unfit> {
        let found = self.version.ok_or(Unfit::NoVersion)?;
        let expected = last.checked_add(1).ok_or(Unfit::Range("version"))?;
        if found == expected { Ok(found) } else { Err(Unfit::Version { expected, found }) }
    }
}
