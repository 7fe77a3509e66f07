//! The tables `dead_letters` and `parked_keys`: what was not applied, and which keys wait for it.
//!
//! Letters are rare, so they are written one by one.

use std::collections::HashSet;

use eventlog::Partition;
use sqlx::{PgConnection, Row};

use super::Owner;
use crate::{
    fold::{KeysByPartition, Letter, ParkedKey},
    intake::Arrived,
};

/// Which keys of these records are parked already. Read inside the transaction, behind the lock of
/// the checkpoint, so that a re-drive, which takes the same lock, is seen at once.
pub(super) async fn parked_among<'a>(
    connection: &mut PgConnection,
    owner: Owner,
    records: impl Iterator<Item = &'a Arrived>,
) -> sqlx::Result<KeysByPartition> {
    let keys: HashSet<&[u8]> = records.filter_map(|arrived| arrived.record.key()).collect();
    let keys: Vec<&[u8]> = keys.into_iter().collect();
    let rows = sqlx::query(
        "SELECT topic, partition, key FROM parked_keys
         WHERE projection = $1 AND generation = $2 AND key = ANY($3)",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(keys)
    .fetch_all(connection)
    .await?;
    let mut parked = KeysByPartition::new();
    for row in rows {
        let topic: &str = row.try_get("topic")?;
        let partition = Partition::new(topic, row.try_get("partition")?);
        parked.entry(partition).or_default().insert(row.try_get("key")?);
    }
    Ok(parked)
}

/// Writes letters. The same record is written once, however often it is read.
pub(super) async fn insert(
    connection: &mut PgConnection,
    owner: Owner,
    letters: &[Letter<'_>],
) -> sqlx::Result<()> {
    for letter in letters {
        let record = letter.record;
        let headers = record.headers();
        sqlx::query(
            "INSERT INTO dead_letters (projection, generation, topic, partition, kafka_offset,
                 incarnation, link_sequence, key, value, header_names, header_values,
                 error_class, message)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT DO NOTHING",
        )
        .bind(owner.projection)
        .bind(owner.generation)
        .bind(&*record.partition.topic)
        .bind(record.partition.number)
        .bind(record.offset)
        .bind(letter.mark.map(|mark| mark.incarnation))
        .bind(letter.mark.map(|mark| mark.link_sequence))
        .bind(record.key())
        .bind(record.value())
        .bind(headers.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        .bind(headers.iter().map(|(_, value)| *value).collect::<Vec<_>>())
        .bind(letter.class)
        .bind(storable(&letter.message))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Parks keys, each behind its first letter.
pub(super) async fn park(
    connection: &mut PgConnection,
    owner: Owner,
    keys: &[ParkedKey<'_>],
) -> sqlx::Result<()> {
    for parked in keys {
        sqlx::query(
            "INSERT INTO parked_keys (projection, generation, topic, partition, key,
                 kafka_offset, incarnation, link_sequence)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(owner.projection)
        .bind(owner.generation)
        .bind(&*parked.record.partition.topic)
        .bind(parked.record.partition.number)
        .bind(parked.key)
        .bind(parked.record.offset)
        .bind(parked.mark.incarnation)
        .bind(parked.mark.link_sequence)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Says in the log what was put aside.
pub(super) fn report(letter: &Letter<'_>) {
    tracing::error!(
        topic = &*letter.record.partition.topic,
        partition = letter.record.partition.number,
        offset = letter.record.offset,
        key = %String::from_utf8_lossy(letter.record.key().unwrap_or_default()),
        class = letter.class,
        reason = letter.message,
        "A record was put aside as a dead letter; later events of its key wait behind it."
    );
}

/// PostgreSQL takes no NUL in a text, and a message may quote what was read.
fn storable(message: &str) -> String {
    message.replace('\0', "\u{fffd}")
}
