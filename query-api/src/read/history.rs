//! The history of an order: its events, in the order of their versions.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, Row, postgres::PgRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Database, Error, time};

/// One event of an order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HistoryItem {
    /// Version of the order after the event: 1, 2, 3 …
    #[schema(example = 1)]
    pub version: i64,
    /// Name of the event.
    #[schema(example = "OrderPlaced")]
    #[serde(rename = "type")]
    pub event: String,
    /// Log time of the event.
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub at: DateTime<Utc>,
    /// The client command that led to the event; null where time or another shard did.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub command_id: Option<Uuid>,
    /// Where the event lies in the log.
    pub record: RecordPlace,
    /// The event itself, as its schema names the fields.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}

/// Where a record lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordPlace {
    #[schema(example = "orders.events.v1")]
    pub topic: String,
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Place in the link from the order's shard to its event partition.
    pub link_sequence: i64,
}

// An order has at most a few events per product shard and one for each status, so that the whole
// history is one page.
const BY_ORDER: &str = "
    SELECT version, type, at, command_id, topic, partition, kafka_offset, link_sequence, body
    FROM order_history
    WHERE order_id = $1
    ORDER BY version";

const BY_ORDERS: &str = "
    SELECT order_id, version, type, at, command_id, topic, partition, kafka_offset, link_sequence,
           body
    FROM order_history
    WHERE order_id = ANY($1)
    ORDER BY order_id, version";

impl Database {
    /// The events of the order; none unless one has been projected.
    pub async fn history(&self, order_id: &str) -> Result<Vec<HistoryItem>, Error> {
        self.read(|mut lease| async move {
            let rows = sqlx::query_as(BY_ORDER).bind(order_id).fetch_all(&mut *lease).await;
            lease.end(rows)
        })
        .await
    }

    /// The events of several orders, each with the id of its order, with one statement.
    pub async fn histories(&self, ids: &[&str]) -> Result<Vec<(String, HistoryItem)>, Error> {
        self.read(|mut lease| async move {
            let query = sqlx::query(BY_ORDERS).bind(ids);
            let query = query
                .try_map(|row: PgRow| Ok((row.try_get("order_id")?, HistoryItem::from_row(&row)?)));
            let rows = query.fetch_all(&mut *lease).await;
            lease.end(rows)
        })
        .await
    }
}

impl FromRow<'_, PgRow> for HistoryItem {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            version: row.try_get("version")?,
            event: row.try_get("type")?,
            at: row.try_get("at")?,
            command_id: row.try_get("command_id")?,
            record: RecordPlace::of(row)?,
            body: row.try_get("body")?,
        })
    }
}

impl RecordPlace {
    pub(super) fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            topic: row.try_get("topic")?,
            partition: row.try_get("partition")?,
            offset: row.try_get("kafka_offset")?,
            link_sequence: row.try_get("link_sequence")?,
        })
    }
}
