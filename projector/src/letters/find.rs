//! Lists letters page by page, and counts them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::Filter;

/// A letter without its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct Listed {
    #[serde(skip)]
    pub id: i64,
    pub projection: String,
    pub topic: String,
    pub partition: i32,
    pub kafka_offset: i64,
    /// Absent for a record that is none of ours.
    pub link_sequence: Option<i64>,
    /// The record key; shown as text, as far as it is one.
    #[serde(serialize_with = "as_text")]
    pub key: Option<Vec<u8>>,
    pub error_class: String,
    pub message: String,
    pub attempts: i32,
    pub first_seen: DateTime<Utc>,
}

/// Where a page begins: behind this letter.
pub type After = (String, String, i32, i64, i64);

fn as_text<S: Serializer>(key: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    key.as_deref().map(String::from_utf8_lossy).serialize(serializer)
}

impl Listed {
    /// Where the page behind this letter begins.
    pub fn after(&self) -> After {
        (self.projection.clone(), self.topic.clone(), self.partition, self.kafka_offset, self.id)
    }
}

/// One page of letters in the order of projection, partition and offset.
pub async fn page(
    pool: &PgPool,
    filter: &Filter,
    after: Option<&After>,
    limit: i64,
) -> sqlx::Result<Vec<Listed>> {
    let mut statement = QueryBuilder::<Postgres>::new(
        "SELECT d.id, d.projection, d.topic, d.partition, d.kafka_offset, d.link_sequence, d.key,
                d.error_class, d.message, d.attempts, d.first_seen
         FROM dead_letters d JOIN generations g USING (projection, generation)
         WHERE g.state = 'live'",
    );
    filter.and(&mut statement);
    if let Some((projection, topic, partition, offset, id)) = after {
        statement.push(" AND (d.projection, d.topic, d.partition, d.kafka_offset, d.id) > (");
        statement.push_bind(projection.clone()).push(", ").push_bind(topic.clone());
        statement.push(", ").push_bind(*partition).push(", ").push_bind(*offset);
        statement.push(", ").push_bind(*id).push(")");
    }
    statement.push(" ORDER BY d.projection, d.topic, d.partition, d.kafka_offset, d.id LIMIT ");
    statement.push_bind(limit);
    statement.build_query_as().fetch_all(pool).await
}

/// How many letters the filter finds.
pub async fn count(pool: &PgPool, filter: &Filter) -> sqlx::Result<i64> {
    let mut statement = QueryBuilder::<Postgres>::new(
        "SELECT count(*) FROM dead_letters d JOIN generations g USING (projection, generation)
         WHERE g.state = 'live'",
    );
    filter.and(&mut statement);
    statement.build_query_scalar().fetch_one(pool).await
}

/// What waits in the live builds, for the gauges.
#[derive(Debug, Default, PartialEq)]
pub struct Waiting {
    /// Letters by projection and class.
    pub letters: BTreeMap<(String, String), i64>,
    /// Keys by projection.
    pub keys: BTreeMap<String, i64>,
    /// Seconds since the oldest letter was put aside, by projection.
    pub ages: BTreeMap<String, f64>,
}

pub async fn waiting(pool: &PgPool) -> sqlx::Result<Waiting> {
    let letters: Vec<(String, String, i64, f64)> = sqlx::query_as(
        "SELECT d.projection, d.error_class, count(*),
                extract(epoch FROM now() - min(d.first_seen))::float8
         FROM dead_letters d JOIN generations g USING (projection, generation)
         WHERE g.state = 'live' GROUP BY 1, 2",
    )
    .fetch_all(pool)
    .await?;
    let keys: Vec<(String, i64)> =
        sqlx::query_as("SELECT projection, count(*) FROM live_parked_keys GROUP BY 1")
            .fetch_all(pool)
            .await?;
    let mut waiting = Waiting { keys: keys.into_iter().collect(), ..Waiting::default() };
    for (projection, class, count, age) in letters {
        let oldest: &mut f64 = waiting.ages.entry(projection.clone()).or_default();
        *oldest = oldest.max(age);
        waiting.letters.insert((projection, class), count);
    }
    Ok(waiting)
}
