//! What operators do to projections: each change by compare-and-set behind the checkpoint's lock,
//! and written down in the transaction that makes it.

pub mod change;
pub mod history;
pub mod list;
pub mod reset;

use eventlog::Partition;
use serde_json::Value;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::store::Owner;

/// Which partitions of a projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub projection: &'static str,
    /// Absent: all of them.
    pub partition: Option<Partition>,
}

/// Who does it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    pub name: String,
    pub reason: Option<String>,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compare of compare-and-set: somebody else was there first.
    #[error("{0}")]
    Refused(String),
    #[error("PostgreSQL did not do it")]
    Database(#[from] sqlx::Error),
}

/// Writes down what was done.
pub(crate) async fn record(
    connection: &mut PgConnection,
    operator: &Operator,
    verb: &str,
    owner: Owner,
    partition: Option<&Partition>,
    mut detail: Value,
) -> sqlx::Result<()> {
    if let (Some(reason), Some(fields)) = (&operator.reason, detail.as_object_mut()) {
        fields.insert("reason".to_owned(), reason.as_str().into());
    }
    sqlx::query(
        "INSERT INTO operations (operator, verb, projection, generation, topic, partition, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&operator.name)
    .bind(verb)
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(partition.map(|partition| &*partition.topic))
    .bind(partition.map(|partition| partition.number))
    .bind(detail)
    .execute(connection)
    .await?;
    Ok(())
}

/// The live build, as it stands in this transaction.
pub(crate) async fn live(
    connection: &mut PgConnection,
    projection: &'static str,
) -> Result<Owner, Error> {
    let generation = sqlx::query_scalar(
        "SELECT generation FROM generations WHERE projection = $1 AND state = 'live'",
    )
    .bind(projection)
    .fetch_optional(connection)
    .await?;
    let none = || Error::Refused(format!("{projection} has not run in this database yet"));
    Ok(Owner::live(projection, generation.ok_or_else(none)?))
}

/// Adds the condition of the target's partition to a statement that has others.
pub(crate) fn and_partition(
    statement: &mut QueryBuilder<Postgres>,
    alias: &str,
    partition: Option<&Partition>,
) {
    if let Some(partition) = partition {
        statement.push(format!(" AND {alias}.topic = ")).push_bind(partition.topic.to_string());
        statement.push(format!(" AND {alias}.partition = ")).push_bind(partition.number);
    }
}
