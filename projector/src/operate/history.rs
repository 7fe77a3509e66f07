//! What was done by hand, newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool};

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct Operation {
    pub at: DateTime<Utc>,
    pub operator: String,
    pub verb: String,
    pub projection: String,
    pub generation: i32,
    /// Absent where all partitions are concerned.
    pub topic: Option<String>,
    pub partition: Option<i32>,
    /// What was there, what is there now, and the reason.
    pub detail: Value,
}

/// The last `limit` operations on one projection, or on all.
pub async fn last(
    pool: &PgPool,
    projection: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Operation>> {
    sqlx::query_as(
        "SELECT at, operator, verb, projection, generation, topic, partition, detail
         FROM operations WHERE $1::text IS NULL OR projection = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(projection)
    .bind(limit)
    .fetch_all(pool)
    .await
}
