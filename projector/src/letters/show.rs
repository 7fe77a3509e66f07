//! One letter with everything that is known of it, decoded as far as it can be.

use chrono::{DateTime, Utc};
use eventlog::{Partition, SchemaReader};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgPool, Row};

use super::read::{COLUMNS, arrived, record};
use crate::{decode::Body, projection::Projection};

/// A letter in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    pub projection: String,
    pub topic: String,
    pub partition: i32,
    pub kafka_offset: i64,
    pub key: Option<String>,
    pub error_class: String,
    pub message: String,
    pub attempts: i32,
    pub first_seen: DateTime<Utc>,
    /// In their order, as text.
    pub headers: Vec<(String, String)>,
    /// What the record says; absent when it cannot be read, as `unreadable` then tells.
    pub body: Option<Value>,
    pub unreadable: Option<String>,
    /// The value's bytes in hexadecimal digits.
    pub value_hex: Option<String>,
    /// True when it waits behind another letter of its key, or is the one at the head.
    pub parks_its_key: bool,
}

/// The letter of a projection's live build at this place; `None` when there is none.
pub async fn show<P: Projection>(
    pool: &PgPool,
    schemas: &SchemaReader,
    partition: &Partition,
    offset: i64,
) -> sqlx::Result<Option<Shown>> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS}, d.error_class, d.message, d.attempts, d.first_seen,
                k.key IS NOT NULL AS is_parked
         FROM dead_letters d
         JOIN generations g USING (projection, generation)
         LEFT JOIN parked_keys k
             ON (k.projection, k.generation, k.topic, k.partition, k.key, k.key_hash)
                 = (d.projection, d.generation, d.topic, d.partition, d.key, sha256(d.key))
         WHERE g.state = 'live' AND d.projection = $1 AND d.topic = $2 AND d.partition = $3
             AND d.kafka_offset = $4
         -- The last one, should the topic have been made anew.
         ORDER BY d.id DESC LIMIT 1"
    )))
    .bind(P::NAME)
    .bind(&*partition.topic)
    .bind(partition.number)
    .bind(offset)
    .fetch_optional(pool)
    .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let record = record(&row)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = record.headers().into_iter().map(|(name, value)| (name.to_owned(), text(value)));
    let mut shown = Shown {
        projection: P::NAME.to_owned(),
        topic: partition.topic.to_string(),
        partition: partition.number,
        kafka_offset: offset,
        key: record.key().map(text),
        error_class: row.try_get("error_class")?,
        message: row.try_get("message")?,
        attempts: row.try_get("attempts")?,
        first_seen: row.try_get("first_seen")?,
        headers: headers.collect(),
        body: None,
        unreadable: None,
        value_hex: record.value().map(hex),
        parks_its_key: row.try_get("is_parked")?,
    };
    match arrived(record) {
        Err(foreign) => shown.unreadable = Some(foreign.to_string()),
        Ok(arrived) => match P::Body::decode(&arrived, schemas).await {
            Ok(Ok(fact)) => shown.body = serde_json::to_value(&fact.body).ok(),
            Ok(Err(poison)) => shown.unreadable = Some(poison.message),
            Err(error) => shown.unreadable = Some(error.to_string()),
        },
    }
    Ok(Some(shown))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
