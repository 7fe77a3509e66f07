//! The table `checkpoints`: how far a projection is, in the transaction that writes its rows.

use std::collections::BTreeMap;

use eventlog::Partition;
use events::position::Mark;
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};

use super::{Error, Owner, Stage, notice};
use crate::{fold::Read, intake::Slice, link::Checkpoint};

/// What the column `trouble` says while records are missing from the partition.
pub const GAP: &str = "gap: records are missing, and nothing behind them is applied";

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
             link_sequence, chain, kafka_offset, state)
         SELECT $1, $2, topic, partition, 0, 0, '', 0, $5
         FROM unnest($3::text[], $4::integer[]) AS wanted(topic, partition)
         ORDER BY topic COLLATE \"C\", partition
         ON CONFLICT DO NOTHING",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&topics)
    .bind(&numbers)
    .bind(owner.stage.state())
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

/// Locks the checkpoints of the slices, in one order for all runners, and compares them. The state
/// is read with the lock, so that whoever changes it comes wholly before or after this batch.
pub(super) async fn lock<'a>(
    connection: &mut PgConnection,
    owner: Owner,
    slices: impl Iterator<Item = &'a Slice> + Clone,
) -> Result<(), Error> {
    let (topics, numbers) = columns(slices.clone().map(|slice| &slice.partition));
    let rows = sqlx::query(
        "SELECT c.topic, c.partition, c.incarnation, c.link_sequence, c.chain, c.kafka_offset,
                c.state
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
    let mut stored = BTreeMap::new();
    for row in &rows {
        let (partition, checkpoint) = read(row)?;
        let state: &str = row.try_get("state")?;
        if state != owner.stage.state() {
            return Err(match owner.stage {
                Stage::Live if state == "paused" => Error::Paused(partition),
                _ => Error::NotOurs(owner.generation),
            });
        }
        stored.insert(partition, checkpoint);
    }
    for slice in slices {
        if stored.get(&slice.partition) != Some(&slice.from) {
            return Err(Error::Conflict(slice.partition.clone()));
        }
    }
    Ok(())
}

/// Moves the locked checkpoints, and wakes whoever waits for a position once this is committed.
/// The notice is a hint; its text is `projection/topic/partition`. Further notices go to channel
/// [`notice::CHANNEL`].
pub(super) async fn advance<B>(
    connection: &mut PgConnection,
    owner: Owner,
    batch: &[Read<B>],
    notices: &[String],
) -> sqlx::Result<()> {
    let slices = batch.iter().map(|read| &read.slice);
    let (topics, numbers) = columns(slices.clone().map(|slice| &slice.partition));
    let to = slices.clone().map(|slice| slice.to);
    sqlx::query(
        "WITH moved AS (
             UPDATE checkpoints AS c SET
                 incarnation = moved.incarnation, link_sequence = moved.link_sequence,
                 chain = moved.chain, kafka_offset = moved.kafka_offset, updated_at = now(),
                 event_time = coalesce(moved.event_time, c.event_time), trouble = moved.trouble,
                 trouble_since = CASE WHEN moved.trouble IS NULL THEN NULL
                     ELSE coalesce(c.trouble_since, now()) END
             FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[],
                 $8::bigint[], $9::timestamptz[], $10::text[])
                 AS moved(topic, partition, incarnation, link_sequence, chain, kafka_offset,
                     event_time, trouble)
             WHERE c.projection = $1 AND c.generation = $2
                 AND c.topic = moved.topic AND c.partition = moved.partition
             RETURNING c.topic, c.partition)
         SELECT pg_notify(channel, payload) FROM (
             SELECT 'checkpoints' AS channel, concat_ws('/', $1, topic, partition) AS payload
             FROM moved WHERE $11
             UNION ALL SELECT $12::text, unnest($13::text[])) AS told",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(topics)
    .bind(numbers)
    .bind(to.clone().map(|to| to.mark.incarnation).collect::<Vec<_>>())
    .bind(to.clone().map(|to| to.mark.link_sequence).collect::<Vec<_>>())
    .bind(to.clone().map(chain).collect::<Vec<_>>())
    .bind(to.map(|to| to.next_offset).collect::<Vec<_>>())
    .bind(batch.iter().map(Read::event_time).collect::<Vec<_>>())
    .bind(slices.map(|slice| slice.is_gap_open.then_some(GAP)).collect::<Vec<_>>())
    .bind(owner.stage == Stage::Live)
    .bind(notice::CHANNEL)
    .bind(notices)
    .execute(connection)
    .await?;
    Ok(())
}

/// Says in the row why nothing is applied. The next batch that is applied takes it back.
pub async fn report_trouble(
    pool: &PgPool,
    owner: Owner,
    partition: &Partition,
    trouble: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE checkpoints SET trouble = $5, trouble_since = coalesce(trouble_since, now())
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4
             AND trouble IS DISTINCT FROM $5",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*partition.topic)
    .bind(partition.number)
    .bind(trouble.replace('\0', "\u{fffd}"))
    .execute(pool)
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
