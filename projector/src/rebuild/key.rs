//! Folds one key of the live generation again from its first event.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use eventlog::{LogReader, Partition};
use events::{Topic, position::Mark};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::task::spawn_blocking;

use super::{Context, Error};
use crate::{
    decode::Body,
    fold::{Before, KeysByPartition, Read, Unstorable, fold},
    intake::{Arrived, Intake, Slice},
    link::Checkpoint,
    operate::{self, Operator, change},
    projection::Projection,
    runner::start::{From, plan},
    store::{Owner, changes, notice},
};

/// Attempts to find the partition where it was read.
const ATTEMPTS: usize = 20;
/// Longest silence of a log that is not at its end.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What became of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its rows are the fold of so many events, and nothing of it waits any more.
    Rebuilt { events: usize },
    /// Nothing has changed: this event cannot be applied.
    Stuck { offset: i64, class: String, message: String },
}

/// Rebuilds the rows of a record key in one partition of the live generation. The key's rows change
/// in one transaction behind the checkpoint's lock; its dead letters go, because its events are
/// applied now.
pub async fn rebuild_key<P: Projection>(
    context: &Context,
    partition: &Partition,
    key: &str,
    by: &Operator,
) -> Result<Outcome, Error> {
    for attempt in 1..=ATTEMPTS {
        let mut connection = context.pool.acquire().await?;
        let live = operate::live(&mut connection, P::NAME).await?;
        let until = mark(&mut connection, live, partition).await?;
        drop(connection);
        let events = read_in_a_thread(context, partition, key, until).await?;
        let mut transaction = context.pool.begin().await?;
        let rows = change::lock(&mut transaction, live, Some(partition)).await?;
        let locked = rows.first().map(change::read).transpose()?.map(|(_, mark)| mark);
        let events = match locked {
            Some(locked) if locked == until => events,
            // The last time it is read while the lane waits.
            Some(locked) if attempt == ATTEMPTS => {
                read_in_a_thread(context, partition, key, locked).await?
            }
            _ => continue,
        };
        return fold_again::<P>(context, transaction, (live, partition, key), events, by).await;
    }
    Err(super::refused("the partition moves faster than it is read"))
}

async fn mark(
    connection: &mut PgConnection,
    live: Owner,
    partition: &Partition,
) -> Result<Mark, Error> {
    let found: Option<(i64, i64)> = sqlx::query_as(
        "SELECT incarnation, link_sequence FROM checkpoints
         WHERE projection = $1 AND generation = $2 AND topic = $3 AND partition = $4",
    )
    .bind(live.projection)
    .bind(live.generation)
    .bind(&*partition.topic)
    .bind(partition.number)
    .fetch_optional(connection)
    .await?;
    let (incarnation, link_sequence) =
        found.ok_or_else(|| super::refused(format!("{partition} has no checkpoint")))?;
    Ok(Mark { incarnation, link_sequence })
}

async fn fold_again<P: Projection>(
    context: &Context,
    mut transaction: Transaction<'static, Postgres>,
    (live, partition, key): (Owner, &Partition, &str),
    accepted: Vec<Arrived>,
    by: &Operator,
) -> Result<Outcome, Error> {
    let mut contents = Vec::with_capacity(accepted.len());
    for arrived in &accepted {
        contents.push(P::Body::decode(arrived, &context.schemas).await?);
    }
    let (partition_of, here) = (partition.clone(), Checkpoint::default());
    let slice = Slice {
        partition: partition_of,
        from: here,
        to: here,
        accepted,
        foreign: Vec::new(),
        is_gap_open: false,
    };
    let batch = [Read { slice, contents }];
    let before = Before { rows: [].into(), parked: KeysByPartition::new() };
    let folded = fold::<P>(&batch, before, &Unstorable::new());
    if let Some(letter) = folded.letters.first() {
        return Ok(Outcome::Stuck {
            offset: letter.record.offset,
            class: letter.class.to_owned(),
            message: letter.message.clone(),
        });
    }
    let facts = batch[0].contents.iter().flatten();
    let keys: BTreeSet<&str> = facts.filter_map(|fact| P::key(&fact.body)).collect();
    // Rows without events go too.
    let keys: Vec<&str> = keys.into_iter().chain([key]).collect();
    let removable: Vec<&str> = if P::TOPICS.iter().all(|t| matches!(t, Topic::Events(_))) {
        keys
    } else {
        keys[..keys.len() - 1].to_vec()
    };
    P::remove(&mut transaction, &removable).await?;
    let rows: Vec<&P::Rows> = folded.rows.values().collect();
    if !rows.is_empty() {
        P::store(&mut transaction, &rows).await?;
    }
    let told: Vec<_> = rows.iter().filter_map(|rows| P::changes(rows).pop()).collect();
    changes::insert_healed(&mut transaction, live, partition, &told).await?;
    for statement in [
        "DELETE FROM dead_letters WHERE projection = $1 AND generation = $2 AND topic = $3
             AND partition = $4 AND key = $5 AND link_sequence IS NOT NULL",
        "DELETE FROM parked_keys WHERE projection = $1 AND generation = $2 AND topic = $3
             AND partition = $4 AND key = $5",
    ] {
        sqlx::query(statement)
            .bind(live.projection)
            .bind(live.generation)
            .bind(&*partition.topic)
            .bind(partition.number)
            .bind(key.as_bytes())
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("SELECT pg_notify('checkpoints', concat_ws('/', $1, $2, $3))")
        .bind(live.projection)
        .bind(&*partition.topic)
        .bind(partition.number.to_string())
        .execute(&mut *transaction)
        .await?;
    notice::all_changed(&mut transaction, live.projection).await?;
    let events = batch[0].contents.len();
    let detail = json!({"key": key, "events": events});
    operate::record(&mut transaction, by, "rebuild", live, Some(partition), detail).await?;
    transaction.commit().await?;
    Ok(Outcome::Rebuilt { events })
}

async fn read_in_a_thread(
    context: &Context,
    partition: &Partition,
    key: &str,
    until: Mark,
) -> Result<Vec<Arrived>, Error> {
    let (context, partition, key) = (context.clone(), partition.clone(), key.to_owned());
    let reading = spawn_blocking(move || read(&context, &partition, key.as_bytes(), until));
    reading.await.unwrap_or_else(|_| Err(Error::Missing("the reader panicked".to_owned())))
}

/// The accepted records of a key up to the mark. Only these are kept in memory.
fn read(
    context: &Context,
    partition: &Partition,
    key: &[u8],
    until: Mark,
) -> Result<Vec<Arrived>, Error> {
    let mut reader = LogReader::open(&context.connection, "spillway-rebuild")?;
    let log = reader.watermarks(partition)?;
    let is_kept_for_ever = matches!(partition.topic(), Some(Topic::Events(_)));
    let from = Checkpoint::default();
    let (offset, link) = plan(from, log, From::Oldest, is_kept_for_ever);
    reader.start(partition, offset)?;
    let mut intake = Intake::new(partition.clone(), from, link);
    let (mut kept, mut heard) = (Vec::new(), Instant::now());
    while intake.link().end().mark < until {
        match reader.poll(Duration::from_millis(100))? {
            Some(record) => {
                heard = Instant::now();
                intake.admit(record);
                if let Some(slice) = intake.take() {
                    let ours = slice.accepted.into_iter();
                    kept.extend(ours.filter(|arrived| arrived.record.key() == Some(key)));
                }
            }
            None if heard.elapsed() >= SILENCE_MAX => {
                return Err(Error::Missing(format!("{partition} gives nothing up to {until:?}")));
            }
            None => {}
        }
    }
    Ok(kept)
}
