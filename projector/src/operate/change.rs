//! Pause, resume and skip: changes of the checkpoint's row alone.

use eventlog::Partition;
use events::position::Mark;
use serde_json::json;
use sqlx::{PgPool, Postgres, QueryBuilder, Row, Transaction, postgres::PgRow};

use super::{Error, Operator, Target, and_partition, live, record};
use crate::store::Owner;

/// One partition after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub partition: Partition,
    pub mark: Mark,
    /// False when it was so before.
    pub is_changed: bool,
}

/// Lets nothing be applied from the moment this returns, until [`resume`].
pub async fn pause(pool: &PgPool, target: &Target, by: &Operator) -> Result<Vec<Changed>, Error> {
    switch(pool, target, by, ("running", "paused"), "pause").await
}

/// Ends a pause.
pub async fn resume(pool: &PgPool, target: &Target, by: &Operator) -> Result<Vec<Changed>, Error> {
    switch(pool, target, by, ("paused", "running"), "resume").await
}

async fn switch(
    pool: &PgPool,
    target: &Target,
    by: &Operator,
    (from, to): (&str, &str),
    verb: &str,
) -> Result<Vec<Changed>, Error> {
    let mut transaction = pool.begin().await?;
    let owner = live(&mut transaction, target.projection).await?;
    let mut all = Vec::new();
    for row in lock(&mut transaction, owner, target.partition.as_ref()).await? {
        let (partition, mark) = read(&row)?;
        let is_changed = row.try_get::<&str, _>("state")? == from;
        if is_changed {
            sqlx::query(
                "UPDATE checkpoints SET state = $5
                 WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
            )
            .bind(owner.projection)
            .bind(owner.generation)
            .bind(&*partition.topic)
            .bind(partition.number)
            .bind(to)
            .execute(&mut *transaction)
            .await?;
            let detail = json!({"from": from, "to": to, "mark": text(mark)});
            record(&mut transaction, by, verb, owner, Some(&partition), detail).await?;
        }
        all.push(Changed { partition, mark, is_changed });
    }
    if all.is_empty() {
        return Err(nothing(target));
    }
    transaction.commit().await?;
    Ok(all)
}

/// Moves the mark from `at` to `to` without applying what lies between: the next record accepted is
/// the one behind `to`. For records that no repair can bring back.
pub async fn skip(
    pool: &PgPool,
    target: (&'static str, &Partition),
    (at, to): (Mark, Mark),
    by: &Operator,
) -> Result<Changed, Error> {
    let (projection, partition) = target;
    let mut transaction = pool.begin().await?;
    let owner = live(&mut transaction, projection).await?;
    let rows = lock(&mut transaction, owner, Some(partition)).await?;
    let row = rows
        .first()
        .ok_or_else(|| nothing(&Target { projection, partition: Some(partition.clone()) }))?;
    let (_, found) = read(row)?;
    if found != at {
        let (found, at) = (text(found), text(at));
        return Err(Error::Refused(format!("{partition} is at {found}, not at {at}")));
    }
    if to <= at {
        let (at, to) = (text(at), text(to));
        return Err(Error::Refused(format!("{to} is not behind {at}")));
    }
    // The chain at the new mark is not known, so the first repeat is not held against it.
    sqlx::query(
        "UPDATE checkpoints SET incarnation = $5, link_sequence = $6, chain = '', trouble = NULL,
             trouble_since = NULL, updated_at = now()
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*partition.topic)
    .bind(partition.number)
    .bind(to.incarnation)
    .bind(to.link_sequence)
    .execute(&mut *transaction)
    .await?;
    let detail = json!({"from": text(at), "to": text(to)});
    record(&mut transaction, by, "skip", owner, Some(partition), detail).await?;
    transaction.commit().await?;
    Ok(Changed { partition: partition.clone(), mark: to, is_changed: true })
}

/// Locks the checkpoints of the live build, in the order in which all do.
pub(crate) async fn lock(
    transaction: &mut Transaction<'_, Postgres>,
    owner: Owner,
    partition: Option<&Partition>,
) -> Result<Vec<PgRow>, Error> {
    let mut statement = QueryBuilder::<Postgres>::new(
        "SELECT c.topic, c.partition, c.incarnation, c.link_sequence, c.state FROM checkpoints c
         WHERE c.projection = ",
    );
    statement.push_bind(owner.projection);
    statement.push(" AND c.generation = ").push_bind(owner.generation);
    and_partition(&mut statement, "c", partition);
    statement.push(" ORDER BY c.topic, c.partition FOR UPDATE");
    let rows = statement.build().fetch_all(&mut **transaction).await?;
    for row in &rows {
        if row.try_get::<&str, _>("state")? == "retired" {
            let switched = "another generation has just become the live one: run it again";
            return Err(Error::Refused(switched.to_owned()));
        }
    }
    Ok(rows)
}

pub(crate) fn read(row: &PgRow) -> sqlx::Result<(Partition, Mark)> {
    let partition = Partition::new(row.try_get::<&str, _>("topic")?, row.try_get("partition")?);
    let mark = Mark {
        incarnation: row.try_get("incarnation")?,
        link_sequence: row.try_get("link_sequence")?,
    };
    Ok((partition, mark))
}

pub(super) fn nothing(target: &Target) -> Error {
    let what = target.partition.as_ref().map_or_else(String::new, |p| format!(" of {p}"));
    Error::Refused(format!("{} has no checkpoint{what}", target.projection))
}

/// A mark as people write it: incarnation, a colon, link sequence.
pub fn text(mark: Mark) -> String {
    format!("{}:{}", mark.incarnation, mark.link_sequence)
}
