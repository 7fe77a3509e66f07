//! Why a fact cannot follow the rows that stand.

use chrono::{DateTime, Utc};
use events::Millis;

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
///
/// # Errors
/// When the number lies outside of what a timestamp can say.
pub fn time(millis: Millis) -> Result<DateTime<Utc>, Unfit> {
    DateTime::from_timestamp_millis(millis).ok_or(Unfit::Time(millis))
}

/// The version that was found, when it is the one that follows `last`.
///
/// # Errors
/// When there is none or another.
pub fn next_version(last: i64, found: Option<i64>) -> Result<i64, Unfit> {
    let found = found.ok_or(Unfit::NoVersion)?;
    let expected = last.checked_add(1).ok_or(Unfit::Range("version"))?;
    if found == expected { Ok(found) } else { Err(Unfit::Version { expected, found }) }
}
