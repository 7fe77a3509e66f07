//! Deletes changes that no stream can ask for any more, oldest first, and remembers up to where.
//!
//! Every instance sweeps; the lock of a partition's floor gives it to one at a time. Streams read
//! the floor and the changes behind it in one statement, so none of them misses a row unawares.

use std::time::Duration;

use sqlx::{PgPool, Postgres, Transaction};

use super::ROWS_MAX;

/// A place among the changes of a partition: mark and number at that mark.
type Place = (i64, i64, i32);

/// Deletes everything that is older than `age_max`. Gives the number of rows.
///
/// # Errors
/// When PostgreSQL fails; what was deleted before stays so.
pub async fn sweep(pool: &PgPool, age_max: Duration) -> sqlx::Result<u64> {
    let partitions: Vec<(String, i32)> =
        sqlx::query_as("SELECT DISTINCT projection, partition FROM live_checkpoints")
            .fetch_all(pool)
            .await?;
    let mut all = 0;
    for (projection, partition) in partitions {
        loop {
            let deleted = sweep_some(pool, &projection, partition, age_max).await?;
            all += deleted;
            if deleted < ROWS_MAX as u64 {
                break;
            }
        }
    }
    Ok(all)
}

async fn sweep_some(
    pool: &PgPool,
    projection: &str,
    partition: i32,
    age_max: Duration,
) -> sqlx::Result<u64> {
    let mut transaction = pool.begin().await?;
    let Some(floor) = lock_floor(&mut transaction, projection, partition).await? else {
        return Ok(0);
    };
    // From the floor on, so that the search does not pass over what was deleted and not vacuumed.
    let oldest: Vec<(i64, i64, i32, bool)> = sqlx::query_as(
        "SELECT incarnation, link_sequence, nth, applied_at < now() - make_interval(secs => $6)
         FROM changes
         WHERE projection = $1 AND partition = $2
             AND (incarnation, link_sequence, nth) > ($3, $4, $5)
         ORDER BY incarnation, link_sequence, nth LIMIT $7",
    )
    .bind(projection)
    .bind(partition)
    .bind(floor.0)
    .bind(floor.1)
    .bind(floor.2)
    .bind(age_max.as_secs_f64())
    .bind(i64::try_from(ROWS_MAX).unwrap_or(i64::MAX))
    .fetch_all(&mut *transaction)
    .await?;
    let old = oldest.into_iter().take_while(|(.., is_old)| *is_old);
    let Some((incarnation, link_sequence, nth, _)) = old.last() else {
        return Ok(0);
    };
    let deleted = cut(&mut transaction, projection, partition, (incarnation, link_sequence, nth));
    let deleted = deleted.await?;
    transaction.commit().await?;
    Ok(deleted)
}

/// The floor, locked; `None` when another instance has it.
async fn lock_floor(
    transaction: &mut Transaction<'_, Postgres>,
    projection: &str,
    partition: i32,
) -> sqlx::Result<Option<Place>> {
    sqlx::query("INSERT INTO change_floors VALUES ($1, $2, 0, 0, 0) ON CONFLICT DO NOTHING")
        .bind(projection)
        .bind(partition)
        .execute(&mut **transaction)
        .await?;
    sqlx::query_as(
        "SELECT incarnation, link_sequence, nth FROM change_floors
         WHERE projection = $1 AND partition = $2 FOR UPDATE SKIP LOCKED",
    )
    .bind(projection)
    .bind(partition)
    .fetch_optional(&mut **transaction)
    .await
}

/// Deletes up to the place, which becomes the floor.
async fn cut(
    transaction: &mut Transaction<'_, Postgres>,
    projection: &str,
    partition: i32,
    (incarnation, link_sequence, nth): Place,
) -> sqlx::Result<u64> {
    let mut changed = 0;
    for statement in [
        "UPDATE change_floors SET incarnation = $3, link_sequence = $4, nth = $5
         WHERE projection = $1 AND partition = $2",
        "DELETE FROM changes WHERE projection = $1 AND partition = $2
             AND (incarnation, link_sequence, nth) <= ($3, $4, $5)",
    ] {
        let done = sqlx::query(statement)
            .bind(projection)
            .bind(partition)
            .bind(incarnation)
            .bind(link_sequence)
            .bind(nth)
            .execute(&mut **transaction)
            .await?;
        changed = done.rows_affected();
    }
    Ok(changed)
}
