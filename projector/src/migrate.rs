//! The migrations, compiled in: applied at start, or waited for.

use sqlx::{
    PgPool,
    migrate::{MigrateError, Migrator},
};

/// The migrations of this binary.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../migrations");
    // During a rollout an instance of the old release may start behind the new one's migrations,
    // which suit it too.
    migrator.set_ignore_missing(true);
    migrator
}

/// Applies what is missing, under an advisory lock: any number of instances may call it at once.
///
/// # Errors
/// When PostgreSQL does not answer, or an applied migration is not what this binary has; see
/// [`is_transient`].
pub async fn apply(pool: &PgPool) -> Result<(), MigrateError> {
    migrator().run(pool).await
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
