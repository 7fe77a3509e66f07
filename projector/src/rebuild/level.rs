//! The moment at which two generations stand at the same marks.

use std::collections::BTreeMap;

use events::position::Mark;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::{
    Context, Error,
    fill::{Marks, Pace, fill},
    refused,
};
use crate::{
    operate::{self, change},
    projection::Projection,
    store::{Owner, checkpoint},
};

/// Most events that are applied while the live projection waits. Below a second of work.
pub(super) const LEFT_MAX: i64 = 2_000;
/// Rounds in which a rebuild that is not faster than what comes in gives up.
pub(super) const ROUNDS_MAX: usize = 1_000;

/// The marks of the live generation now.
pub async fn live_marks<P: Projection>(pool: &PgPool) -> Result<Marks, Error> {
    let mut connection = pool.acquire().await?;
    let owner = operate::live(&mut connection, P::NAME).await?;
    let rows = sqlx::query(
        "SELECT topic, partition, incarnation, link_sequence FROM checkpoints
         WHERE projection = $1 AND generation = $2",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .fetch_all(&mut *connection)
    .await?;
    Ok(rows.iter().map(change::read).collect::<sqlx::Result<_>>()?)
}

/// The marks of a generation that is being filled.
pub async fn marks_of(pool: &PgPool, owner: Owner, like: &Marks) -> Result<Marks, Error> {
    let partitions: Vec<_> = like.keys().cloned().collect();
    let checkpoints = checkpoint::load(pool, owner, &partitions).await?;
    Ok(checkpoints.into_iter().map(|(partition, at)| (partition, at.mark)).collect())
}

/// Events between two sets of marks.
pub fn left(from: &Marks, to: &Marks) -> i64 {
    let behind = to.iter().map(|(partition, to)| {
        let from = from.get(partition).copied().unwrap_or_default();
        let from = if from.incarnation == to.incarnation { from.link_sequence } else { 0 };
        (to.link_sequence - from).max(0)
    });
    behind.sum()
}

/// Brings the generation up to the live one and holds that still: the transaction has the locks of
/// the live checkpoints. The live generation is given too.
pub async fn level<P: Projection>(
    context: &Context,
    owner: Owner,
    pace: &Pace,
) -> Result<(Transaction<'static, Postgres>, Owner), Error> {
    for _ in 0..ROUNDS_MAX {
        let ahead = live_marks::<P>(&context.pool).await?;
        fill::<P>(context, owner, &ahead, pace).await?;
        let mut transaction = context.pool.begin().await?;
        let live = operate::live(&mut transaction, P::NAME).await?;
        let rows = change::lock(&mut transaction, live, None).await?;
        let locked: Marks = rows.iter().map(change::read).collect::<sqlx::Result<_>>()?;
        if left(&ahead, &locked) > LEFT_MAX {
            continue;
        }
        keep_alive(&mut transaction).await?;
        // Unpaced: somebody waits.
        fill::<P>(context, owner, &locked, &Pace::new(None)).await?;
        let filled = marks_of(&context.pool, owner, &locked).await?;
        let unequal: BTreeMap<_, (&Mark, Option<&Mark>)> = locked
            .iter()
            .map(|(partition, mark)| (partition, (mark, filled.get(partition))))
            .filter(|(_, (live, other))| Some(*live) != *other)
            .collect();
        if let Some((partition, (live, other))) = unequal.first_key_value() {
            return Err(refused(format!(
                "{partition}: the generations cannot be compared, because one is at {live:?} and \
                 the other at {other:?}"
            )));
        }
        return Ok((transaction, live));
    }
    Err(refused("events come faster than they are applied; run it again when there are fewer"))
}

/// The transaction waits for its client while the rest is applied, which takes a moment.
pub(super) async fn keep_alive(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = '60s'")
        .execute(connection)
        .await?;
    Ok(())
}
