//! The table `changes`: what live streams are read from, in the transaction that writes the rows.

use eventlog::Partition;
use sqlx::PgConnection;

use super::Owner;
use crate::change::Change;

/// Writes the changes of a batch of the live build, each in its event's place. One that is there
/// already, because the partition is applied again after a reset, stays: it says the same.
pub(super) async fn insert(
    connection: &mut PgConnection,
    owner: Owner,
    changes: &[Change],
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = changes.iter();
    sqlx::query(
        "INSERT INTO changes (projection, partition, incarnation, link_sequence, nth, key,
             customer_id, version, event, state, command_id, kafka_offset)
         SELECT $1, partition, incarnation, link_sequence, 0, key, customer_id, version, event,
             state, command_id, kafka_offset
         FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
             $7::bigint[], $8::text[], $9::jsonb[], $10::uuid[], $11::bigint[])
             AS given(partition, incarnation, link_sequence, key, customer_id, version, event,
                 state, command_id, kafka_offset)
         ON CONFLICT DO NOTHING",
    )
    .bind(owner.projection)
    .bind(column.clone().map(|c| c.source.partition.number).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.source.incarnation).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.source.link_sequence).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.key.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.customer_id.as_deref()).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.version).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.event).collect::<Vec<_>>())
    .bind(column.clone().map(|c| &c.state).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.command_id).collect::<Vec<_>>())
    .bind(column.map(|c| c.source.offset).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the changes of healed keys. Their events lie behind what streams have passed, so they get
/// places of their own at the mark where the checkpoint stands, whose lock the caller holds.
pub(crate) async fn insert_healed(
    connection: &mut PgConnection,
    owner: Owner,
    partition: &Partition,
    changes: &[Change],
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = changes.iter();
    sqlx::query(
        "WITH here AS (
             SELECT c.incarnation, c.link_sequence, greatest(
                 (SELECT max(x.nth) FROM changes x
                  WHERE (x.projection, x.partition, x.incarnation, x.link_sequence)
                      = (c.projection, c.partition, c.incarnation, c.link_sequence)),
                 (SELECT f.nth FROM change_floors f
                  WHERE (f.projection, f.partition, f.incarnation, f.link_sequence)
                      = (c.projection, c.partition, c.incarnation, c.link_sequence)),
                 0) AS nth
             FROM checkpoints c
             WHERE c.projection = $1 AND c.generation = $2 AND c.topic = $3 AND c.partition = $4)
         INSERT INTO changes (projection, partition, incarnation, link_sequence, nth, key,
             customer_id, version, event, state, command_id, kafka_offset)
         SELECT $1, $4, here.incarnation, here.link_sequence, here.nth + given.number, key,
             customer_id, version, event, state, command_id, kafka_offset
         FROM here, unnest($5::text[], $6::text[], $7::bigint[], $8::text[], $9::jsonb[],
             $10::uuid[], $11::bigint[])
             WITH ORDINALITY AS given(key, customer_id, version, event, state, command_id,
                 kafka_offset, number)",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*partition.topic)
    .bind(partition.number)
    .bind(column.clone().map(|c| c.key.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.customer_id.as_deref()).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.version).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.event).collect::<Vec<_>>())
    .bind(column.clone().map(|c| &c.state).collect::<Vec<_>>())
    .bind(column.clone().map(|c| c.command_id).collect::<Vec<_>>())
    .bind(column.map(|c| c.source.offset).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
