//! Deletes outcomes that were decided long ago, oldest first, and remembers up to where.
//!
//! The place where it stands is written before the rows go, in one transaction with them, so whoever
//! compares rows leaves out what may be gone, in one snapshot with the rows.

use std::time::Duration;

use sqlx::PgPool;

use super::ROWS_MAX;
use crate::projection::{Projection as _, outcomes::Outcomes};

/// Deletes everything that was decided before `age_max` ago. Gives the number of rows.
///
/// # Errors
/// When PostgreSQL fails; what was deleted before stays so.
pub async fn sweep(pool: &PgPool, age_max: Duration) -> sqlx::Result<u64> {
    let mut all = 0;
    loop {
        let deleted = sweep_some(pool, age_max).await?;
        all += deleted;
        if deleted < ROWS_MAX as u64 {
            return Ok(all);
        }
    }
}

async fn sweep_some(pool: &PgPool, age_max: Duration) -> sqlx::Result<u64> {
    let mut transaction = pool.begin().await?;
    // Its row is the lock: one instance at a time. It never goes back, whatever age is configured.
    sqlx::query(
        "INSERT INTO swept (projection, before) VALUES ($1, now() - make_interval(secs => $2))
         ON CONFLICT (projection) DO UPDATE SET before = greatest(swept.before, excluded.before)",
    )
    .bind(Outcomes::NAME)
    .bind(age_max.as_secs_f64())
    .execute(&mut *transaction)
    .await?;
    let deleted = sqlx::query(
        "DELETE FROM outcomes WHERE command_id IN (
             SELECT command_id FROM outcomes
             WHERE decided_at < (SELECT before FROM swept WHERE projection = $1)
             ORDER BY decided_at LIMIT $2)",
    )
    .bind(Outcomes::NAME)
    .bind(i64::try_from(ROWS_MAX).unwrap_or(i64::MAX))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(deleted.rows_affected())
}
