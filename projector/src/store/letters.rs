//! The tables `dead_letters` and `parked_keys`: what was not applied, and which keys wait for it.

use std::collections::HashSet;

use eventlog::Partition;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};

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
         WHERE projection = $1 AND generation = $2 AND key_hash = ANY(ARRAY(
             SELECT sha256(wanted.key) FROM unnest($3::bytea[]) AS wanted(key)))",
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

/// Rows of one statement: far below the 65,535 parameters that it may have.
const ROWS_MAX: usize = 1_000;
/// Most letters of one batch that are logged one by one.
const REPORTS_MAX: usize = 10;

/// Writes letters. The same record is written once, however often it is read: one of ours is known
/// by its mark, and another by its offset.
pub(super) async fn insert(
    connection: &mut PgConnection,
    owner: Owner,
    letters: &[Letter<'_>],
) -> sqlx::Result<()> {
    for letters in letters.chunks(ROWS_MAX) {
        let mut statement = QueryBuilder::<Postgres>::new(
            "INSERT INTO dead_letters (projection, generation, topic, partition, kafka_offset,
                 incarnation, link_sequence, key, value, header_names, header_values,
                 error_class, message) ",
        );
        statement.push_values(letters, |mut row, letter| {
            let record = letter.record;
            let (names, values): (Vec<&str>, Vec<&[u8]>) = record.headers().into_iter().unzip();
            row.push_bind(owner.projection)
                .push_bind(owner.generation)
                .push_bind(&*record.partition.topic)
                .push_bind(record.partition.number)
                .push_bind(record.offset)
                .push_bind(letter.mark.map(|mark| mark.incarnation))
                .push_bind(letter.mark.map(|mark| mark.link_sequence))
                .push_bind(record.key())
                .push_bind(record.value())
                .push_bind(names)
                .push_bind(values)
                .push_bind(letter.class)
                .push_bind(storable(&letter.message));
        });
        statement.push(" ON CONFLICT DO NOTHING");
        statement.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Parks keys, each behind its first letter.
pub(super) async fn park(
    connection: &mut PgConnection,
    owner: Owner,
    keys: &[ParkedKey<'_>],
) -> sqlx::Result<()> {
    for keys in keys.chunks(ROWS_MAX) {
        let mut statement = QueryBuilder::<Postgres>::new(
            "INSERT INTO parked_keys (projection, generation, topic, partition, key,
                 kafka_offset, incarnation, link_sequence) ",
        );
        statement.push_values(keys, |mut row, parked| {
            row.push_bind(owner.projection)
                .push_bind(owner.generation)
                .push_bind(&*parked.record.partition.topic)
                .push_bind(parked.record.partition.number)
                .push_bind(parked.key)
                .push_bind(parked.record.offset)
                .push_bind(parked.mark.incarnation)
                .push_bind(parked.mark.link_sequence);
        });
        statement.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Says in the log what one batch put aside: the first ones by name, of the rest how many.
pub(super) fn report<'a, 'b: 'a>(letters: impl Iterator<Item = &'a Letter<'b>>) {
    let mut count = 0;
    for letter in letters {
        count += 1;
        if count > REPORTS_MAX {
            continue;
        }
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
    if count > REPORTS_MAX {
        tracing::error!(
            count = count - REPORTS_MAX,
            "More records of the same batch were put aside; `spillway dead-letters list` has them."
        );
    }
}

/// PostgreSQL takes no NUL in a text, and a message may quote what was read.
fn storable(message: &str) -> String {
    message.replace('\0', "\u{fffd}")
}
