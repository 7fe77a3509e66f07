//! Read model `outcomes`: what became of each client command.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{Topic, outcome::Outcome};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Projection, Table};
use crate::fact::{Fact, Unfit};

/// The projection.
#[derive(Debug)]
pub struct Outcomes;

/// A row of `outcomes`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub command_id: Uuid,
    pub outcome: Outcome,
    pub refusal: Option<Value>,
    pub order_summary: Option<Value>,
    pub position: Value,
    pub decided_at: DateTime<Utc>,
    /// Partition of the outcomes topic.
    pub source_partition: i32,
}

impl Projection for Outcomes {
    const NAME: &'static str = "outcomes";
    const TOPICS: &'static [Topic] = Topic::OUTCOMES;
    const TABLES: &'static [Table] =
        &[Table { swept_by: Some("decided_at"), ..Table::new("outcomes", &["command_id"]) }];

    type Body = Outcome;
    type Rows = Row;

    fn key(outcome: &Outcome) -> Option<&str> {
        Some(&outcome.command_id)
    }

    /// The last outcome counts: once the de-duplication window is over, the same command id may be
    /// decided again.
    fn fold(row: &mut Option<Row>, fact: &Fact<Outcome>) -> Result<(), Unfit> {
        let outcome = &fact.body;
        // Another spelling of the same id would be a second key for one row.
        let command_id = Uuid::parse_str(&outcome.command_id)
            .ok()
            .filter(|id| id.to_string() == outcome.command_id);
        *row = Some(Row {
            command_id: command_id.ok_or_else(|| Unfit::Uuid(outcome.command_id.clone()))?,
            refusal: outcome.refusal.as_ref().map(json).transpose()?,
            order_summary: outcome.order.as_ref().map(json).transpose()?,
            position: json(&outcome.position)?,
            decided_at: fact.at,
            source_partition: fact.source.partition.number,
            outcome: outcome.clone(),
        });
        Ok(())
    }

    /// Nothing is read: an outcome replaces its row.
    async fn load(_: &mut PgConnection, _: &[&str]) -> sqlx::Result<BTreeMap<String, Row>> {
        Ok(BTreeMap::new())
    }

    async fn store(connection: &mut PgConnection, rows: &[&Row]) -> sqlx::Result<()> {
        let column = rows.iter();
        sqlx::query(
            "INSERT INTO outcomes (command_id, kind, key, command, caller, status, version,
                 refusal, order_summary, position, decided_at, source_partition)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                 $6::text[], $7::bigint[], $8::jsonb[], $9::jsonb[], $10::jsonb[],
                 $11::timestamptz[], $12::integer[])
             ON CONFLICT (command_id) DO UPDATE SET
                 kind = excluded.kind, key = excluded.key, command = excluded.command,
                 caller = excluded.caller, status = excluded.status, version = excluded.version,
                 refusal = excluded.refusal, order_summary = excluded.order_summary,
                 position = excluded.position, decided_at = excluded.decided_at,
                 source_partition = excluded.source_partition",
        )
        .bind(column.clone().map(|r| r.command_id).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.outcome.kind.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.outcome.key.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.outcome.command.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.outcome.caller.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.status()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.outcome.version).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.refusal.as_ref()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.order_summary.as_ref()).collect::<Vec<_>>())
        .bind(column.clone().map(|r| &r.position).collect::<Vec<_>>())
        .bind(column.clone().map(|r| r.decided_at).collect::<Vec<_>>())
        .bind(column.map(|r| r.source_partition).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn remove(connection: &mut PgConnection, keys: &[&str]) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM outcomes WHERE command_id = ANY($1::uuid[])")
            .bind(keys)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        let Some(Topic::Outcomes(kind)) = partition.topic() else {
            return Ok(());
        };
        sqlx::query("DELETE FROM outcomes WHERE kind = $1 AND source_partition = $2")
            .bind(kind.as_str())
            .bind(partition.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Row {
    fn status(&self) -> &'static str {
        if self.outcome.refused().is_none() { "done" } else { "refused" }
    }
}

fn json(value: &impl Serialize) -> Result<Value, Unfit> {
    serde_json::to_value(value).map_err(|_| Unfit::Json)
}

#[cfg(test)]
mod tests;
