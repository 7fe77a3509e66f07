//! Times as RFC 3339 in UTC with milliseconds: the precision of log time, always written in full so
//! that texts compare as times do.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// Writes a time, as in `2026-11-21T03:20:00.000Z`.
pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The same for a time that may be absent, which is written as null.
pub(super) mod optional {
    use chrono::{DateTime, Utc};
    use serde::Serializer;

    pub(in crate::read) fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }
}
