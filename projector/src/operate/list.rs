//! How each projection is, partition by partition, as PostgreSQL tells it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

/// One partition of one build of a projection.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct Stand {
    pub projection: String,
    pub generation: i32,
    pub topic: String,
    pub partition: i32,
    /// `running`, `paused`, `failed`, `rebuilding` or `retired`.
    pub state: String,
    pub incarnation: i64,
    pub link_sequence: i64,
    /// The next Kafka offset to read: a hint.
    pub kafka_offset: i64,
    /// Log time of the last event that was applied.
    pub event_time: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// Why nothing is applied although it should be.
    pub trouble: Option<String>,
    pub trouble_since: Option<DateTime<Utc>>,
    pub dead_letters: i64,
    pub parked_keys: i64,
}

/// All checkpoints, or those of one projection; retired builds only when they are asked for.
pub async fn stands(
    pool: &PgPool,
    projection: Option<&str>,
    with_retired: bool,
) -> sqlx::Result<Vec<Stand>> {
    sqlx::query_as(
        "WITH letters AS (
             SELECT projection, generation, topic, partition, count(*) AS count
             FROM dead_letters GROUP BY 1, 2, 3, 4),
         keys AS (
             SELECT projection, generation, topic, partition, count(*) AS count
             FROM parked_keys GROUP BY 1, 2, 3, 4)
         SELECT projection, generation, topic, partition,
                CASE WHEN c.state = 'running' AND c.trouble IS NOT NULL THEN 'failed'
                     ELSE c.state END AS state,
                c.incarnation, c.link_sequence, c.kafka_offset, c.event_time, c.updated_at,
                c.trouble, c.trouble_since, coalesce(letters.count, 0) AS dead_letters,
                coalesce(keys.count, 0) AS parked_keys
         FROM checkpoints c
         LEFT JOIN letters USING (projection, generation, topic, partition)
         LEFT JOIN keys USING (projection, generation, topic, partition)
         WHERE ($1::text IS NULL OR projection = $1) AND ($2 OR c.state <> 'retired')
         ORDER BY projection, generation, topic, partition",
    )
    .bind(projection)
    .bind(with_retired)
    .fetch_all(pool)
    .await
}
