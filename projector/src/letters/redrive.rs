//! Applies the letters of parked keys again, after a fix: key by key, each in order and in one
//! transaction, wholly or not at all.
//!
//! The checkpoint of the key's partition is locked, as for a batch, so the running projector sees
//! the key parked or healed, and nothing between. A key that heals is parked no longer; one that does
//! not keeps all its letters. What was done stays done: a run that ends early is run again.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Partition, SchemaReader, registry::RegistryError};
use events::position::Mark;
use serde_json::json;
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder, Row, Transaction};

use super::{
    Filter,
    read::{COLUMNS, arrived, record},
};
use crate::{
    change::Change,
    decode::Body,
    fact::class,
    fold::{Before, KeysByPartition, Read, Unstorable, fold},
    intake::{Arrived, Slice},
    link::Checkpoint,
    operate::{self, Operator},
    projection::Projection,
    store::{Owner, changes, is_about_data, notice},
};

/// Letters of one key that are held in memory at once.
const PAGE: i64 = 500;
/// Keys that are looked up at once.
const KEYS_PAGE: i64 = 200;

/// One key with letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub partition: Partition,
    pub key: Vec<u8>,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its letters are applied, or would be.
    Healed { letters: u64 },
    /// It stays as it was: this letter still cannot be applied.
    Stuck { offset: i64, class: String, message: String },
    /// It was healed or dropped by somebody else meanwhile.
    Gone,
}

/// Why a re-drive ended early. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Operate(#[from] operate::Error),
    #[error("the registry did not answer")]
    Registry(#[from] RegistryError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Operate(error.into())
    }
}

/// The parked keys of a projection's live build behind `after`, of whose letters the filter finds
/// one, in order.
pub async fn keys<P: Projection>(
    pool: &PgPool,
    filter: &Filter,
    after: Option<&Key>,
) -> sqlx::Result<Vec<Key>> {
    if after.is_none() {
        // Letters come in bursts, and a plan made for a few of them reads all for each key.
        sqlx::query("ANALYZE dead_letters, parked_keys").execute(pool).await?;
    }
    let mut statement = QueryBuilder::<Postgres>::new(
        "SELECT k.topic, k.partition, k.key FROM live_parked_keys k WHERE k.projection = ",
    );
    statement.push_bind(P::NAME);
    if let Some(Key { partition, key }) = after {
        statement.push(" AND (k.topic, k.partition, k.key) > (");
        statement.push_bind(partition.topic.to_string()).push(", ").push_bind(partition.number);
        statement.push(", ").push_bind(key.clone()).push(")");
    }
    statement.push(
        " AND EXISTS (SELECT FROM dead_letters d
             WHERE (d.projection, d.generation, d.topic, d.partition, d.key, sha256(d.key))
                 = (k.projection, k.generation, k.topic, k.partition, k.key, k.key_hash)",
    );
    filter.and(&mut statement);
    statement.push(") ORDER BY k.topic, k.partition, k.key LIMIT ").push_bind(KEYS_PAGE);
    let rows = statement.build().fetch_all(pool).await?;
    let key = |row: &sqlx::postgres::PgRow| {
        let topic: &str = row.try_get("topic")?;
        let partition = Partition::new(topic, row.try_get("partition")?);
        Ok(Key { partition, key: row.try_get("key")? })
    };
    rows.iter().map(key).collect()
}

/// Applies the letters of one key again. Dry, it does the same and keeps nothing.
pub async fn redrive<P: Projection>(
    pool: &PgPool,
    schemas: &SchemaReader,
    key: &Key,
    is_dry: bool,
    by: &Operator,
) -> Result<Outcome, Error> {
    let mut transaction = pool.begin().await?;
    let owner = operate::live(&mut transaction, P::NAME).await?;
    let Some(head) = lock(&mut transaction, owner, key).await? else {
        return Ok(Outcome::Gone);
    };
    let mut told = BTreeMap::new();
    let tried = apply_all::<P>(&mut transaction, owner, schemas, key, &mut told).await;
    let outcome = match tried {
        Ok(outcome) => outcome,
        Err(Error::Operate(operate::Error::Database(error))) if is_about_data(&error) => {
            Outcome::Stuck {
                offset: head,
                class: class::UNSTORABLE.to_owned(),
                message: error.to_string(),
            }
        }
        Err(error) => return Err(error),
    };
    match &outcome {
        Outcome::Healed { letters } if !is_dry => {
            let told: Vec<Change> = told.into_values().collect();
            changes::insert_healed(&mut transaction, owner, &key.partition, &told).await?;
            forget(&mut transaction, owner, key).await?;
            let detail = json!({"key": String::from_utf8_lossy(&key.key), "letters": letters});
            let partition = Some(&key.partition);
            operate::record(&mut transaction, by, "redrive", owner, partition, detail).await?;
            transaction.commit().await?;
        }
        Outcome::Stuck { offset, class, message } if !is_dry => {
            transaction.rollback().await?;
            note_attempt(pool, owner, key, (*offset, class, message)).await?;
        }
        _ => transaction.rollback().await?,
    }
    Ok(outcome)
}

/// Locks the partition's checkpoint and the key. Gives the letter at the head; `None` when the key is
/// parked no longer.
async fn lock(
    transaction: &mut Transaction<'_, Postgres>,
    owner: Owner,
    key: &Key,
) -> sqlx::Result<Option<i64>> {
    sqlx::query(
        "SELECT FROM checkpoints
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4 FOR UPDATE",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*key.partition.topic)
    .bind(key.partition.number)
    .execute(&mut **transaction)
    .await?;
    sqlx::query_scalar(
        "SELECT kafka_offset FROM live_parked_keys
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4 AND key = $5
             AND key_hash = sha256($5)",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*key.partition.topic)
    .bind(key.partition.number)
    .bind(&key.key)
    .fetch_optional(&mut **transaction)
    .await
}

async fn apply_all<P: Projection>(
    transaction: &mut Transaction<'_, Postgres>,
    owner: Owner,
    schemas: &SchemaReader,
    key: &Key,
    told: &mut BTreeMap<String, Change>,
) -> Result<Outcome, Error> {
    let (mut last, mut letters) = (Mark::default(), 0);
    loop {
        let page = page(transaction, owner, key, last).await?;
        let Some(end) = page.last() else {
            return Ok(Outcome::Healed { letters });
        };
        last = end.envelope.mark;
        letters += page.len() as u64;
        let applied = apply_page::<P>(transaction, schemas, &key.partition, page, told).await?;
        if let Some(stuck) = applied {
            return Ok(stuck);
        }
    }
}

/// The next letters of a key, in the order of their marks: offsets begin anew with a topic.
async fn page(
    connection: &mut PgConnection,
    owner: Owner,
    key: &Key,
    last: Mark,
) -> sqlx::Result<Vec<Arrived>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM dead_letters d
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4 AND key = $5
             AND sha256(key) = sha256($5) AND (incarnation, link_sequence) > ($6, $7)
         ORDER BY incarnation, link_sequence LIMIT $8"
    )))
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*key.partition.topic)
    .bind(key.partition.number)
    .bind(&key.key)
    .bind(last.incarnation)
    .bind(last.link_sequence)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    let read = |row| {
        // It had an envelope when it was parked.
        arrived(record(row)?).map_err(|foreign| sqlx::Error::Decode(Box::new(foreign)))
    };
    rows.iter().map(read).collect()
}

/// Folds and stores one page, and adds what streams are told at the end: the state that each key
/// comes to. Gives the first letter that cannot be applied.
async fn apply_page<P: Projection>(
    connection: &mut PgConnection,
    schemas: &SchemaReader,
    partition: &Partition,
    accepted: Vec<Arrived>,
    told: &mut BTreeMap<String, Change>,
) -> Result<Option<Outcome>, Error> {
    let mut contents = Vec::with_capacity(accepted.len());
    for arrived in &accepted {
        contents.push(P::Body::decode(arrived, schemas).await?);
    }
    let here = Checkpoint::default();
    let slice = Slice {
        partition: partition.clone(),
        from: here,
        to: here,
        accepted,
        foreign: Vec::new(),
        is_gap_open: false,
    };
    let batch = [Read { slice, contents }];
    let facts = batch[0].contents.iter().flatten();
    let keys: BTreeSet<&str> = facts.filter_map(|fact| P::key(&fact.body)).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let rows = P::load(connection, &keys).await?;
    let before = Before { rows, parked: KeysByPartition::new() };
    let folded = fold::<P>(&batch, before, &Unstorable::new());
    if let Some(letter) = folded.letters.first() {
        return Ok(Some(Outcome::Stuck {
            offset: letter.record.offset,
            class: letter.class.to_owned(),
            message: letter.message.clone(),
        }));
    }
    let rows: Vec<&P::Rows> = folded.rows.values().collect();
    if !rows.is_empty() {
        P::store(connection, &rows).await?;
    }
    let changes = rows.iter().filter_map(|rows| P::changes(rows).pop());
    told.extend(changes.map(|change| (change.key.clone(), change)));
    Ok(None)
}

/// Takes a healed key's letters away, and tells whoever shows its rows.
async fn forget(connection: &mut PgConnection, owner: Owner, key: &Key) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM dead_letters WHERE projection = $1 AND generation = $2 AND topic = $3
             AND partition = $4 AND key = $5 AND sha256(key) = sha256($5)
             AND link_sequence IS NOT NULL",
        "DELETE FROM parked_keys WHERE projection = $1 AND generation = $2 AND topic = $3
             AND partition = $4 AND key = $5 AND key_hash = sha256($5)",
    ] {
        sqlx::query(statement)
            .bind(owner.projection)
            .bind(owner.generation)
            .bind(&*key.partition.topic)
            .bind(key.partition.number)
            .bind(&key.key)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("SELECT pg_notify('checkpoints', concat_ws('/', $1, $2, $3))")
        .bind(owner.projection)
        .bind(&*key.partition.topic)
        .bind(key.partition.number.to_string())
        .execute(&mut *connection)
        .await?;
    notice::all_changed(connection, owner.projection).await
}

/// Says at the letter that is still poison why it is. The one that was poison before, and is no
/// longer, keeps what it said: it waits as well.
async fn note_attempt(
    pool: &PgPool,
    owner: Owner,
    key: &Key,
    (offset, class, message): (i64, &str, &str),
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE dead_letters SET attempts = attempts + 1, error_class = $6, message = $7
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4
             AND kafka_offset = $5 AND key = $8",
    )
    .bind(owner.projection)
    .bind(owner.generation)
    .bind(&*key.partition.topic)
    .bind(key.partition.number)
    .bind(offset)
    .bind(class)
    .bind(message.replace('\0', "\u{fffd}"))
    .bind(&key.key)
    .execute(pool)
    .await?;
    Ok(())
}
