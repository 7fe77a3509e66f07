//! Two generations at the same marks: a digest of each table, and the rows that differ.

use serde::Serialize;
use sqlx::{PgConnection, Postgres, Transaction};

use super::Error;
use crate::{
    projection::{Projection, Table},
    store::Owner,
};

/// Most rows that are shown of each table.
const ROWS_SHOWN: i64 = 20;

/// One table in both generations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub table: &'static str,
    pub live: Digest,
    pub rebuilt: Digest,
    /// The first rows that differ.
    pub differences: Vec<Difference>,
}

/// What a table holds, whatever the order of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Digest {
    pub rows: i64,
    /// Two sums of 64-bit hashes of the rows.
    pub digest: String,
}

/// A row in both generations; absent where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Difference {
    pub live: Option<String>,
    pub rebuilt: Option<String>,
}

impl Compared {
    pub fn is_equal(&self) -> bool {
        self.live == self.rebuilt
    }
}

/// Opens one moment of everything, in which the comparison may take its time. To be called while
/// both generations are held still.
pub async fn moment(pool: &sqlx::PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    let mut moment =
        pool.begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // The first statement fixes the moment.
    sqlx::query("SELECT count(*) FROM generations").execute(&mut *moment).await?;
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *moment).await?;
    Ok(moment)
}

/// Compares every table.
pub async fn compare<P: Projection>(
    moment: &mut PgConnection,
    owner: Owner,
) -> Result<Vec<Compared>, Error> {
    let mut all = Vec::new();
    for table in P::TABLES {
        let columns = columns(moment, table).await?;
        // What is older may be deleted in the one and not yet in the other.
        let kept = table.swept_by.map_or_else(String::new, |at| {
            let before = format!("SELECT before FROM swept WHERE projection = '{}'", P::NAME);
            format!(" WHERE {at} >= coalesce(({before}), '-infinity')")
        });
        let beside = format!("{}.{}{kept}", owner.schema(), table.name);
        let public = format!("public.{}{kept}", table.name);
        let live = digest(moment, &public, &columns).await?;
        let rebuilt = digest(moment, &beside, &columns).await?;
        let mut compared = Compared { table: table.name, live, rebuilt, differences: Vec::new() };
        if !compared.is_equal() {
            compared.differences = differences(moment, (&public, &beside), table, &columns).await?;
        }
        all.push(compared);
    }
    Ok(all)
}

/// The columns that count, in one order for both.
async fn columns(connection: &mut PgConnection, table: &Table) -> sqlx::Result<String> {
    sqlx::query_scalar(
        "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY column_name)
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = $1 AND column_name <> ALL($2)",
    )
    .bind(table.name)
    .bind(table.hints)
    .fetch_one(connection)
    .await
}

async fn digest(connection: &mut PgConnection, table: &str, columns: &str) -> sqlx::Result<Digest> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT count(*) AS rows,
                coalesce(sum(hashtextextended(x::text, 0)), 0) || '/'
                    || coalesce(sum(hashtextextended(x::text, 1)), 0) AS digest
         FROM (SELECT {columns} FROM {table}) AS x"
    )))
    .fetch_one(connection)
    .await
}

async fn differences(
    connection: &mut PgConnection,
    (live, beside): (&str, &str),
    table: &Table,
    columns: &str,
) -> sqlx::Result<Vec<Difference>> {
    let key = table.key.join(", ");
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT row_to_json(a)::text AS live, row_to_json(b)::text AS rebuilt
         FROM (SELECT {columns} FROM {live}) AS a
         FULL JOIN (SELECT {columns} FROM {beside}) AS b USING ({key})
         WHERE a::text IS DISTINCT FROM b::text
         ORDER BY {key} LIMIT {ROWS_SHOWN}"
    )))
    .fetch_all(connection)
    .await
}
