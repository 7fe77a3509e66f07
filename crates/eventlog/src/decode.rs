//! A record of an event topic as an event, or why it is poison.

use std::sync::Arc;

use events::{Event, codec::Confluent, header};
use tokio::runtime::Handle;

use crate::{
    Record, SchemaReader,
    registry::{RegistryError, WriterSchema},
};

/// Why a record is no event that can be applied. Parked with its key; asking again changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Poison {
    #[error("the record has no value")]
    NoValue,
    /// Not in the Confluent wire format, or bytes that do not follow the writer's schema.
    #[error(transparent)]
    Undecodable(#[from] events::codec::Error),
    #[error("the registry knows no schema with id {0}")]
    UnknownSchema(u32),
    #[error("the schema with id {id} cannot be read: {reason}")]
    UnreadableSchema { id: u32, reason: String },
    #[error("the header says {header}, but the schema is of {schema}")]
    WrongType { header: String, schema: String },
    #[error("the record's key is not the event's, which is {0}")]
    WrongKey(String),
}

impl Poison {
    /// Stable class for dead letters.
    pub fn class(&self) -> &'static str {
        match self {
            Poison::NoValue => "no-value",
            Poison::Undecodable(events::codec::Error::UnknownRecord(_)) => "unknown-record",
            Poison::Undecodable(_) => "undecodable",
            Poison::UnknownSchema(_) => "unknown-schema",
            Poison::UnreadableSchema { .. } => "unreadable-schema",
            Poison::WrongType { .. } => "wrong-type",
            Poison::WrongKey(_) => "wrong-key",
        }
    }
}

/// Why a record was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The record is to blame.
    #[error(transparent)]
    Poison(#[from] Poison),
    /// The registry is to blame: wait, and decode the same record again.
    #[error(transparent)]
    Registry(RegistryError),
}

impl From<RegistryError> for DecodeError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::UnknownId(id) => Poison::UnknownSchema(id).into(),
            RegistryError::Unreadable { id, reason } => {
                Poison::UnreadableSchema { id, reason }.into()
            }
            other => DecodeError::Registry(other),
        }
    }
}

impl SchemaReader {
    /// Reads an event; fetches its schema where it was not met before.
    pub async fn decode(&self, record: &Record) -> Result<Event, DecodeError> {
        let id = record.event_datum()?.schema_id;
        let writer = match self.known(id) {
            Some(writer) => writer,
            None => self.fetch(id).await?,
        };
        Ok(decode_event(record, &writer)?)
    }

    /// As [`SchemaReader::decode`], for a thread outside the runtime; it waits only where a schema
    /// must be fetched.
    ///
    /// # Panics
    /// Inside the runtime, where nothing may block.
    pub fn decode_blocking(&self, record: &Record, runtime: &Handle) -> Result<Event, DecodeError> {
        let id = record.event_datum()?.schema_id;
        let writer: Arc<WriterSchema> = match self.known(id) {
            Some(writer) => writer,
            None => runtime.block_on(self.fetch(id))?,
        };
        Ok(decode_event(record, &writer)?)
    }
}

impl Record {
    /// The id of the schema that the event was written with, and its Avro datum.
    pub fn event_datum(&self) -> Result<Confluent<'_>, Poison> {
        Ok(Confluent::open(self.value().ok_or(Poison::NoValue)?)?)
    }
}

/// Reads an event. `writer` is the schema behind the id that [`Record::event_datum`] gives;
/// [`SchemaReader::decode`] finds it.
pub fn decode_event(record: &Record, writer: &WriterSchema) -> Result<Event, Poison> {
    let datum = record.event_datum()?.datum;
    if let Some(named) = record.header(header::CE_TYPE)
        && named != writer.full_name.as_bytes()
    {
        return Err(Poison::WrongType {
            header: String::from_utf8_lossy(named).into_owned(),
            schema: writer.full_name.clone(),
        });
    }
    let event = if writer.is_ours {
        Event::from_datum(&writer.full_name, datum)?
    } else {
        Event::from_datum_written_by(&writer.full_name, &writer.schema, datum)?
    };
    if record.key() != Some(event.key().as_bytes()) {
        return Err(Poison::WrongKey(event.key().to_owned()));
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Partition, Timestamp};
    use events::{codec::Record as _, order::OrderShipped};

    fn shipped() -> OrderShipped {
        serde_json::from_value(serde_json::json!({
            "order_id": "o-1",
            "reference": "parcel 7",
            "lines": [],
        }))
        .expect("an event")
    }

    fn record(key: &str, value: &[u8], headers: &[(&str, &[u8])]) -> Record {
        Record::new(
            Partition::new("orders.events.v1", 0),
            0,
            Timestamp::None,
            Some(key.as_bytes()),
            Some(value),
            headers.iter().copied(),
        )
    }

    fn ours() -> WriterSchema {
        WriterSchema {
            full_name: OrderShipped::FULL_NAME.to_owned(),
            schema: OrderShipped::codec().schema().clone(),
            is_ours: true,
        }
    }

    #[test]
    fn an_event_is_read_by_both_paths() {
        let event = Event::from(shipped());
        let value = Confluent::frame(5, &event.to_datum());
        let record = record("o-1", &value, &[]);
        assert_eq!(record.event_datum().expect("framed").schema_id, 5);
        let mut writer = ours();
        assert_eq!(decode_event(&record, &writer).expect("read"), event);
        writer.is_ours = false;
        assert_eq!(decode_event(&record, &writer).expect("resolved"), event);
    }

    #[test]
    fn poison_is_told_by_class() {
        let value = Confluent::frame(5, &shipped().to_datum());
        let class = |record: &Record| decode_event(record, &ours()).map_err(|p| p.class()).err();
        assert_eq!(class(&record("o-2", &value, &[])), Some("wrong-key"));
        assert_eq!(class(&record("o-1", b"{}", &[])), Some("undecodable"));
        assert_eq!(class(&record("o-1", &value[..7], &[])), Some("undecodable"));
        let typed = record("o-1", &value, &[(header::CE_TYPE, b"spillway.events.OrderPaid")]);
        assert_eq!(class(&typed), Some("wrong-type"));
        let mut other = ours();
        other.full_name = "spillway.events.Unheard".to_owned();
        let poison = decode_event(&record("o-1", &value, &[]), &other).expect_err("unknown");
        assert_eq!(poison.class(), "unknown-record");
    }
}
