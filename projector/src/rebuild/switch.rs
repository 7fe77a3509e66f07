//! The switch: tables change their places, and states with them, in one transaction.
//!
//! Queries name tables without a schema, so each statement sees the one generation or the other. Both
//! stand at the same marks at that moment, so a position that was reached before is reached after.

use std::time::Duration;

use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    Context, Error, begin::forget, execute, fill::Pace, level::level, privileges::carry_over,
    refused,
};
use crate::{
    operate::{Operator, record},
    projection::Projection,
    store::{Owner, Stage},
};

/// How long the switch waits for queries that are under way. Every query that begins meanwhile waits
/// behind it, so it is a small part of what a query may take, and the pauses are long beside it.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '100ms'";

/// How often the switch tries to have the tables for itself.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub attempts: usize,
    /// Between two attempts; queries are answered then.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 60, pause: Duration::from_secs(2) }
    }
}

/// Brings the generation up to the live one, and puts it in its place. Gives the one that was live.
pub async fn switch<P: Projection>(
    context: &Context,
    owner: Owner,
    pace: &Pace,
    by: &Operator,
) -> Result<Owner, Error> {
    let mut attempts = 1;
    loop {
        let (transaction, live) = level::<P>(context, owner, pace).await?;
        match attempt::<P>(transaction, live, owner, by).await {
            Ok(()) => return Ok(live),
            Err(error) if is_busy(&error) && attempts < context.patience.attempts => {
                attempts += 1;
                tokio::time::sleep(context.patience.pause).await;
            }
            Err(error) if is_busy(&error) => {
                let who = blocker::<P>(context).await?.unwrap_or_else(|| "a query".to_owned());
                return Err(refused(format!(
                    "{who} held the tables: nothing was switched; run it again"
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The oldest transaction that holds one of the live tables, in words for whoever must end it.
async fn blocker<P: Projection>(context: &Context) -> sqlx::Result<Option<String>> {
    let tables: Vec<&str> = P::TABLES.iter().map(|table| table.name).collect();
    sqlx::query_scalar(
        "SELECT format('process %s of PostgreSQL (%s, user %s, in a transaction since %s, last \
             statement: %s)', a.pid, coalesce(nullif(a.application_name, ''), 'without a name'),
             a.usename, to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'),
             left(regexp_replace(a.query, '[[:space:]]+', ' ', 'g'), 80))
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.relation IN (SELECT to_regclass('public.' || quote_ident(name))
                                FROM unnest($1::text[]) AS live(name))
             AND a.xact_start IS NOT NULL
         ORDER BY a.xact_start LIMIT 1",
    )
    .bind(tables)
    .fetch_optional(&context.pool)
    .await
}

async fn attempt<P: Projection>(
    mut transaction: Transaction<'static, Postgres>,
    live: Owner,
    owner: Owner,
    by: &Operator,
) -> sqlx::Result<()> {
    let connection = &mut *transaction;
    execute(connection, LOCK_WAIT.to_owned()).await?;
    let retired = Owner { stage: Stage::Beside, ..live };
    let tables: Vec<String> = P::TABLES
        .iter()
        .flat_map(|table| {
            [format!("public.{}", table.name), format!("{}.{}", owner.schema(), table.name)]
        })
        .collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    execute(connection, lock).await?;
    drop_older(connection, live).await?;
    execute(connection, format!("CREATE SCHEMA IF NOT EXISTS {}", retired.schema())).await?;
    for table in P::TABLES {
        let name = table.name;
        carry_over(connection, &owner.schema(), name).await?;
        let out = format!("ALTER TABLE public.{name} SET SCHEMA {}", retired.schema());
        execute(connection, out).await?;
        let within = format!("ALTER TABLE {}.{name} SET SCHEMA public", owner.schema());
        execute(connection, within).await?;
    }
    move_states(connection, live, owner).await?;
    let detail = json!({"from": live.generation, "to": owner.generation});
    record(connection, by, "switch", owner, None, detail).await?;
    transaction.commit().await
}

/// Only the generation that is switched off now can be gone back to.
async fn drop_older(connection: &mut PgConnection, live: Owner) -> sqlx::Result<()> {
    let older: Vec<i32> = sqlx::query_scalar(
        "SELECT generation FROM generations WHERE projection = $1 AND state = 'retired'",
    )
    .bind(live.projection)
    .fetch_all(&mut *connection)
    .await?;
    for generation in older {
        forget(connection, Owner { generation, stage: Stage::Beside, ..live }).await?;
    }
    Ok(())
}

/// The states of both, a pause included; whoever waits for positions or keeps rows is told.
async fn move_states(connection: &mut PgConnection, live: Owner, owner: Owner) -> sqlx::Result<()> {
    for statement in [
        "UPDATE checkpoints new SET state = old.state FROM checkpoints old
         WHERE new.projection = $1 AND new.generation = $2 AND old.projection = $1
             AND old.generation = $3 AND old.topic = new.topic AND old.partition = new.partition",
        "UPDATE checkpoints SET state = 'retired'
         WHERE projection = $1 AND generation = $3 AND $2::integer IS NOT NULL",
        "UPDATE generations SET state = 'retired', switched_at = now()
         WHERE projection = $1 AND generation = $3 AND $2::integer IS NOT NULL",
        "UPDATE generations SET state = 'live', switched_at = now()
         WHERE projection = $1 AND generation = $2 AND $3::integer IS NOT NULL",
        "SELECT pg_notify('checkpoints', concat_ws('/', projection, topic, partition))
         FROM checkpoints
         WHERE projection = $1 AND generation = $2 AND $3::integer IS NOT NULL",
        "SELECT pg_notify('generations', concat_ws('/', $1::text, $2::integer, $3::integer))",
    ] {
        sqlx::query(statement)
            .bind(owner.projection)
            .bind(owner.generation)
            .bind(live.generation)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A lock that was not given in time, or a deadlock with a query.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["55P03", "40P01"].contains(&&*code))
}
