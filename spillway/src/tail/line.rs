//! A record as it is told: its place, what it stems from, and what it says.

use eventlog::{Record, SchemaReader, Timestamp};
use events::{
    Command, Topic,
    codec::Record as _,
    dead_letter::CommandDeadLetter,
    header::{self, View},
    log_time,
    outcome::Outcome,
};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

/// A record, decoded as far as it can be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    /// When the broker took the record; absent where it does not say.
    pub(super) at: Option<String>,
    /// `command`, `event`, `outcome` or `dead-letter`.
    pub(super) what: &'static str,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: Option<String>,
    /// Name of the event or command; of the command that an outcome is about.
    #[serde(rename = "type")]
    pub(super) name: Option<String>,
    /// The client command that the record is, or stems from.
    pub(super) command_id: Option<String>,
    /// The step that wrote it; absent for what no shard wrote.
    pub(super) origin: Option<String>,
    pub(super) link_sequence: Option<i64>,
    /// Version of the aggregate after an event.
    pub(super) version: Option<i64>,
    pub(super) traceparent: Option<String>,
    /// What the record says; absent when it cannot be read, as `unreadable` then tells.
    pub(super) body: Option<Value>,
    pub(super) unreadable: Option<String>,
    #[serde(skip)]
    at_ms: i64,
}

/// What a record says: the name, and the body.
type Said = Result<(Option<String>, Value), String>;

impl Line {
    /// Where it stands when lines are put in the order of log time.
    pub(super) fn place(&self) -> (i64, &str, i32, i64) {
        (self.at_ms, &self.topic, self.partition, self.offset)
    }

    /// Reads a record; the registry may be asked for a schema.
    pub(super) fn of(record: &Record, schemas: &SchemaReader, runtime: &Handle) -> Self {
        let topic = record.partition.topic();
        let value = record.value().unwrap_or_default();
        let (what, said): (&'static str, Said) = match topic {
            Some(Topic::Events(_)) => ("event", event(record, schemas, runtime)),
            Some(Topic::Outcomes(_)) => ("outcome", outcome(value)),
            Some(Topic::CommandDeadLetters) => ("dead-letter", dead_letter(value)),
            _ => ("command", command(value)),
        };
        let headers = record.headers();
        let view = View(&headers);
        let text = |name| view.text(name).map(str::to_owned);
        let at_ms = match record.timestamp {
            Timestamp::LogAppend(ms) | Timestamp::Create(ms) => Some(ms),
            Timestamp::None => None,
        };
        let (name, body, unreadable) = match said {
            Ok((name, body)) => (name, Some(body), None),
            // The header may still tell what it was meant to be.
            Err(reason) => (text(header::CE_TYPE).map(|name| short(&name)), None, Some(reason)),
        };
        Self {
            at: at_ms.map(log_time::rfc3339),
            what,
            topic: record.partition.topic.to_string(),
            partition: record.partition.number,
            offset: record.offset,
            key: record.key().map(|key| String::from_utf8_lossy(key).into_owned()),
            name,
            command_id: text(header::COMMAND),
            origin: text(header::ORIGIN),
            link_sequence: view.number(header::LINK_SEQUENCE),
            version: view.number(header::VERSION),
            traceparent: text(header::TRACEPARENT),
            body,
            unreadable,
            at_ms: at_ms.unwrap_or_default(),
        }
    }
}

fn event(record: &Record, schemas: &SchemaReader, runtime: &Handle) -> Said {
    let event = schemas.decode_blocking(record, runtime).map_err(|error| error.to_string())?;
    Ok((Some(event.name().to_owned()), body(&event)?))
}

fn command(value: &[u8]) -> Said {
    let command = Command::from_single_object(value).map_err(|error| error.to_string())?;
    Ok((Some(command.name().to_owned()), body(&command)?))
}

fn outcome(value: &[u8]) -> Said {
    let outcome = Outcome::from_single_object(value).map_err(|error| error.to_string())?;
    let name = Some(outcome.command.clone()).filter(|name| !name.is_empty());
    Ok((name, body(&outcome)?))
}

fn dead_letter(value: &[u8]) -> Said {
    let letter = CommandDeadLetter::from_single_object(value).map_err(|error| error.to_string())?;
    Ok((None, body(&letter)?))
}

fn body(said: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(said).map_err(|error| error.to_string())
}

/// A full name without its namespace.
fn short(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use eventlog::{Partition, Registry};
    use events::Kind;

    use super::*;

    pub(in crate::tail) fn line(topic: Topic, value: &[u8], headers: &[(&str, &[u8])]) -> Line {
        let record = Record::new(
            Partition::of(topic, 2),
            7,
            Timestamp::LogAppend(1_795_770_000_125),
            Some(b"o-1"),
            Some(value),
            headers.iter().copied(),
        );
        let schemas = SchemaReader::new(Registry::new("http://127.0.0.1:1").unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Line::of(&record, &schemas, runtime.handle())
    }

    #[test]
    fn a_command_is_told_with_its_place_and_what_it_stems_from() {
        let cancel = events::command::CancelOrder {
            order_id: "o-1".to_owned(),
            reason: "changed my mind".to_owned(),
        };
        let value = Command::from(cancel).to_single_object();
        let line = line(Topic::Commands(Kind::Orders), &value, &[(header::COMMAND, b"an-id")]);
        assert_eq!((line.what, line.name.as_deref()), ("command", Some("CancelOrder")));
        assert_eq!(line.at.as_deref(), Some("2026-11-27T09:00:00.125Z"));
        assert_eq!((line.partition, line.offset), (2, 7));
        assert_eq!(line.command_id.as_deref(), Some("an-id"));
        assert_eq!(line.body.unwrap()["reason"], "changed my mind");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_the_reason() {
        let command = line(Topic::Commands(Kind::Orders), b"{}", &[]);
        assert!(command.unreadable.unwrap().contains("marker bytes"));
        let named = [(header::CE_TYPE, &b"spillway.events.OrderPaid"[..])];
        let event = line(Topic::Events(Kind::Orders), b"{}", &named);
        assert!(event.unreadable.unwrap().contains("Confluent"));
        assert_eq!((event.name.as_deref(), event.body), (Some("OrderPaid"), None));
    }
}
