//! A record of a command topic, as the log gives it.

use events::{Millis, header};

/// A borrowed record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub offset: i64,
    pub timestamp: Timestamp,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: header::View<'a>,
}

/// When the record entered the log, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    /// Set by the broker; carries log time forward.
    LogAppend(Millis),
    /// Set by a producer, or absent: it says nothing about log time.
    Foreign(Millis),
}

impl Timestamp {
    pub(crate) fn ms(self) -> Millis {
        match self {
            Timestamp::LogAppend(ms) | Timestamp::Foreign(ms) => ms,
        }
    }

    /// Log time after this record: it never runs backwards.
    pub(crate) fn advance(self, now: Millis) -> Millis {
        match self {
            Timestamp::LogAppend(ms) => planted!(NoMaxOnLogTime => ms; now.max(ms)),
            Timestamp::Foreign(_) => now,
        }
    }
}
