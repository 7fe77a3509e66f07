//! A letter as the record that it was.

use eventlog::{Partition, Record, Timestamp};
use events::header::View;
use sqlx::{Row, postgres::PgRow};

use crate::{
    envelope::{Envelope, Foreign},
    intake::Arrived,
};

/// The columns that [`record`] needs, of `dead_letters d`.
pub(super) const COLUMNS: &str =
    "d.topic, d.partition, d.kafka_offset, d.key, d.value, d.header_names, d.header_values";

/// The record with its key, bytes and headers.
pub(super) fn record(row: &PgRow) -> sqlx::Result<Record> {
    let partition = Partition::new(row.try_get::<&str, _>("topic")?, row.try_get("partition")?);
    let names: Vec<String> = row.try_get("header_names")?;
    let values: Vec<Vec<u8>> = row.try_get("header_values")?;
    let headers = names.iter().map(String::as_str).zip(values.iter().map(Vec::as_slice));
    let (key, value): (Option<&[u8]>, Option<&[u8]>) = (row.try_get("key")?, row.try_get("value")?);
    let offset = row.try_get("kafka_offset")?;
    // What the projections take for time is a header.
    Ok(Record::new(partition, offset, Timestamp::None, key, value, headers))
}

/// The record as a reader of its partition accepts it.
pub(super) fn arrived(record: Record) -> Result<Arrived, Foreign> {
    let envelope = Envelope::read(View(&record.headers()), &record.partition)?;
    Ok(Arrived { envelope, record })
}
