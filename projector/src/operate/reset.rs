//! Reset: the rows, letters and checkpoint of a partition are made away with, so that the running
//! projector applies it again from its first record.

use events::position::Mark;
use serde_json::json;
use sqlx::PgPool;

use super::{
    Error, Operator, Target,
    change::{Changed, lock, nothing, read, text},
    live, record,
};
use crate::{projection::Projection, store::notice};

/// Does it for all partitions of the target at once. What queries see shrinks at that moment, and
/// grows again: `spillway rebuild` does the same beside what is served.
pub async fn reset<P: Projection>(
    pool: &PgPool,
    target: &Target,
    at: Option<Mark>,
    by: &Operator,
) -> Result<Vec<Changed>, Error> {
    let mut transaction = pool.begin().await?;
    // Removing many rows takes longer than a batch may.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    let owner = live(&mut transaction, P::NAME).await?;
    let mut all = Vec::new();
    for row in lock(&mut transaction, owner, target.partition.as_ref()).await? {
        let (partition, mark) = read(&row)?;
        if let Some(at) = at.filter(|at| *at != mark) {
            let (mark, at) = (text(mark), text(at));
            return Err(Error::Refused(format!("{partition} is at {mark}, not at {at}")));
        }
        P::clear(&mut transaction, &partition).await?;
        for statement in [
            "DELETE FROM dead_letters
             WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
            "DELETE FROM parked_keys
             WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
            // They come again, each in its event's place.
            "DELETE FROM changes WHERE projection = $1 AND $2::integer IS NOT NULL
                 AND $3::text IS NOT NULL AND partition = $4",
            "DELETE FROM change_floors WHERE projection = $1 AND $2::integer IS NOT NULL
                 AND $3::text IS NOT NULL AND partition = $4",
            "UPDATE checkpoints SET incarnation = 0, link_sequence = 0, chain = '',
                 kafka_offset = 0, event_time = NULL, trouble = NULL, trouble_since = NULL,
                 updated_at = now()
             WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
        ] {
            sqlx::query(statement)
                .bind(owner.projection)
                .bind(owner.generation)
                .bind(&*partition.topic)
                .bind(partition.number)
                .execute(&mut *transaction)
                .await?;
        }
        let detail = json!({"from": text(mark), "to": text(Mark::default())});
        record(&mut transaction, by, "reset", owner, Some(&partition), detail).await?;
        all.push(Changed { partition, mark: Mark::default(), is_changed: true });
    }
    if all.is_empty() {
        return Err(nothing(target));
    }
    notice::all_changed(&mut transaction, owner.projection).await?;
    transaction.commit().await?;
    Ok(all)
}
