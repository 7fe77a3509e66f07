//! The migrations, compiled in: applied at start, or waited for.

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
};

/// The advisory lock of whoever migrates: "spillway" in ASCII.
const TURN: i64 = 0x7370_696c_6c77_6179;
const TURN_PAUSE: Duration = Duration::from_millis(200);

/// The migrations of this binary.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../migrations");
    // During a rollout an instance of the old release may start behind the new one's migrations,
    // which suit it too.
    migrator.set_ignore_missing(true);
    migrator
}

/// Applies what is missing; any number of instances may call it at once. They take turns by asking
/// again and again: one that waited for a lock would hold a snapshot, for which an index that is made
/// `CONCURRENTLY` waits in turn.
///
/// # Errors
/// When PostgreSQL does not answer, or an applied migration is not what this binary has; see
/// [`is_transient`].
pub async fn apply(pool: &PgPool) -> Result<(), MigrateError> {
    // A connection of its own, which takes the lock and the setting with it at its end.
    let mut connection = pool.acquire().await?.detach();
    // An index of a large table takes longer than a batch may.
    sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
    while !is_our_turn(&mut connection).await? {
        tokio::time::sleep(TURN_PAUSE).await;
    }
    drop_cut_off(&mut connection, &missing(pool).await?).await?;
    migrator().run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

async fn is_our_turn(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(TURN).fetch_one(connection).await
}

/// Drops the indexes that a migration began to make `CONCURRENTLY` and did not finish: PostgreSQL keeps
/// them, marked invalid, and the migration that is still missing makes them anew.
async fn drop_cut_off(connection: &mut PgConnection, missing: &[i64]) -> sqlx::Result<()> {
    let migrator = migrator();
    for migration in migrator.iter().filter(|m| m.no_tx && missing.contains(&m.version)) {
        let cut_off: Vec<String> = sqlx::query_scalar(
            "SELECT format('DROP INDEX %I.%I', n.nspname, c.relname)
             FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT i.indisvalid AND n.nspname = current_schema()
                 AND position(c.relname IN $1) > 0",
        )
        .bind(migration.sql.as_str())
        .fetch_all(&mut *connection)
        .await?;
        for drop in cut_off {
            sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Versions that are not applied yet, rising.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn missing(pool: &PgPool) -> sqlx::Result<Vec<i64>> {
    let is_begun: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    let applied: Vec<i64> = if is_begun {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?
    } else {
        Vec::new()
    };
    let versions = migrator().iter().map(|migration| migration.version).collect::<Vec<_>>();
    Ok(versions.into_iter().filter(|version| !applied.contains(version)).collect())
}

/// True when the same call may succeed later: PostgreSQL was not there, or was busy.
pub fn is_transient(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match error {
            // Connections, transactions, resources, locks, an operator's stop.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class))
            }),
            _ => true,
        },
        _ => false,
    }
}
