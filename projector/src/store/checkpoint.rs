//! The table `checkpoints`: how far a projection is, in the transaction that writes its rows.

use std::collections::BTreeMap;

use eventlog::Partition;
use events::position::Mark;
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};

use super::{Error, Owner};
use crate::{intake::Slice, link::Checkpoint};

/// Reads the checkpoints of partitions; one that has none gets one that stands before the first
/// record, so that the first batch is compared like every other.
pub async fn load(
    pool: &PgPool,
    owner: Owner,
    partitions: &[Partition],
) -> sqlx::Result<BTreeMap<Partition, Checkpoint>> {
    let (topics, numbers) = columns(partitions.iter());
    sqlx::query(
        "INSERT INTO checkpoints (projection, generation, topic, partition, incarnation,
             link_sequence, chain, kafka_offset)
         SELECT $1, $2, topic, partition, 0, 0, '', 0
         FROM unnest($3::text[], $4::integer[]) AS wanted(topic, partition)
         ORDER BY topic COLLATE \"C\", partition
         ON CONFLICT DO NOTHING",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&topics)
    .bind(&numbers)
    .execute(pool)
    .await?;
    let rows = sqlx::query(
        "SELECT c.topic, c.partition, c.incarnation, c.link_sequence, c.chain, c.kafka_offset
         FROM checkpoints c
         JOIN unnest($3::text[], $4::integer[]) AS wanted(topic, partition)
             ON c.topic = wanted.topic AND c.partition = wanted.partition
         WHERE c.projection = $1 AND c.generation = $2",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(topics)
    .bind(numbers)
    .fetch_all(pool)
    .await?;
    rows.iter().map(read).collect()
}

/// Locks the checkpoints of the slices, in one order for all runners, and compares them.
pub(super) async fn lock<'a>(
    connection: &mut PgConnection,
    owner: Owner,
    slices: impl Iterator<Item = &'a Slice> + Clone,
) -> Result<(), Error> {
    let (topics, numbers) = columns(slices.clone().map(|slice| &slice.partition));
    let rows = sqlx::query(
        "SELECT c.topic, c.partition, c.incarnation, c.link_sequence, c.chain, c.kafka_offset
         FROM checkpoints c
         JOIN unnest($3::text[], $4::integer[]) AS wanted(topic, partition)
             ON c.topic = wanted.topic AND c.partition = wanted.partition
         WHERE c.projection = $1 AND c.generation = $2
         ORDER BY c.topic, c.partition
         FOR UPDATE OF c",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(topics)
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    let stored: BTreeMap<Partition, Checkpoint> =
        rows.iter().map(read).collect::<sqlx::Result<_>>()?;
    for slice in slices {
        if stored.get(&slice.partition) != Some(&slice.from) {
            return Err(Error::Conflict(slice.partition.clone()));
        }
    }
    Ok(())
}

/// Moves the locked checkpoints, and wakes whoever waits for a position once this is committed.
/// The notice is a hint; its text is `projection/topic/partition`.
pub(super) async fn advance<'a>(
    connection: &mut PgConnection,
    owner: Owner,
    slices: impl Iterator<Item = &'a Slice> + Clone,
) -> sqlx::Result<()> {
    let (topics, numbers) = columns(slices.clone().map(|slice| &slice.partition));
    let to = slices.map(|slice| slice.to);
    sqlx::query(
        "UPDATE checkpoints AS c SET
             incarnation = moved.incarnation, link_sequence = moved.link_sequence,
             chain = moved.chain, kafka_offset = moved.kafka_offset, updated_at = now()
         FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[],
             $8::bigint[])
             AS moved(topic, partition, incarnation, link_sequence, chain, kafka_offset)
         WHERE c.projection = $1 AND c.generation = $2
             AND c.topic = moved.topic AND c.partition = moved.partition
         RETURNING pg_notify('checkpoints', concat_ws('/', c.projection, c.topic, c.partition))",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(topics)
    .bind(numbers)
    .bind(to.clone().map(|to| to.mark.incarnation).collect::<Vec<_>>())
    .bind(to.clone().map(|to| to.mark.link_sequence).collect::<Vec<_>>())
    .bind(to.clone().map(chain).collect::<Vec<_>>())
    .bind(to.map(|to| to.next_offset).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

fn chain(checkpoint: Checkpoint) -> String {
    checkpoint.chain.map_or_else(String::new, |chain| chain.to_string())
}

fn columns<'a>(partitions: impl Iterator<Item = &'a Partition>) -> (Vec<&'a str>, Vec<i32>) {
    partitions.map(|partition| (&*partition.topic, partition.number)).unzip()
}

fn read(row: &PgRow) -> sqlx::Result<(Partition, Checkpoint)> {
    let topic: &str = row.try_get("topic")?;
    let partition = Partition::new(topic, row.try_get("partition")?);
    let chain: &str = row.try_get("chain")?;
    let checkpoint = Checkpoint {
        mark: Mark {
            incarnation: row.try_get("incarnation")?,
            link_sequence: row.try_get("link_sequence")?,
        },
        chain: chain.parse().ok(),
        next_offset: row.try_get("kafka_offset")?,
    };
    Ok((partition, checkpoint))
}
