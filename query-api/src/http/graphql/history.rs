//! Events of an order.

use async_graphql::{Json, SimpleObject};
use uuid::Uuid;

use super::scalar::{Long, Time};
use crate::read::history::{self, HistoryItem};

/// One event of an order.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "OrderEvent")]
pub(super) struct Event {
    /// Version of the order after the event: 1, 2, 3 …
    version: Long,
    /// Name of the event.
    #[graphql(name = "type")]
    name: String,
    /// Log time of the event.
    at: Time,
    /// The client command that led to the event; null where time or another shard did.
    command_id: Option<Uuid>,
    /// Where the event lies in the log.
    record: Record,
    /// The event itself, as its schema names the fields.
    body: Json<serde_json::Value>,
}

/// Where a record lies in the log.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "RecordPlace")]
pub(super) struct Record {
    topic: String,
    partition: i32,
    /// Kafka offset.
    offset: Long,
    /// Place in the link from the shard to its event partition.
    link_sequence: Long,
}

impl From<HistoryItem> for Event {
    fn from(item: HistoryItem) -> Self {
        Self {
            version: Long(item.version),
            name: item.event,
            at: Time(item.at),
            command_id: item.command_id,
            record: item.record.into(),
            body: Json(item.body),
        }
    }
}

impl From<history::RecordPlace> for Record {
    fn from(place: history::RecordPlace) -> Self {
        Self {
            topic: place.topic,
            partition: place.partition,
            offset: Long(place.offset),
            link_sequence: Long(place.link_sequence),
        }
    }
}
