//! A record of the command log, as a shard steps it.

use eventlog::{Record, Timestamp};
use events::header::View;

/// Borrows a record for a step; `headers` are the record's own.
pub fn view<'a>(record: &'a Record, headers: &'a [(&'a str, &'a [u8])]) -> shard::Record<'a> {
    let timestamp = match record.timestamp {
        Timestamp::LogAppend(ms) => shard::Timestamp::LogAppend(ms),
        Timestamp::Create(ms) => shard::Timestamp::Foreign(ms),
        Timestamp::None => shard::Timestamp::Foreign(0),
    };
    shard::Record {
        offset: record.offset,
        timestamp,
        key: record.key(),
        value: record.value(),
        headers: View(headers),
    }
}
