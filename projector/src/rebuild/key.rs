//! Folds one key of the live generation again from its first event.
//!
//! The log is read while the partition goes on; its checkpoint is locked once little of it is left.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use eventlog::{LogReader, Partition};
use events::{Topic, position::Mark};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::task::spawn_blocking;

use super::{
    Context, Error,
    level::{self, keep_alive},
};
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

/// Events of the key that are folded at once.
const PAGE: usize = 500;
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
    let mut folding = Folding::<P>::open(context, partition, key).await?;
    for _ in 0..level::ROUNDS_MAX {
        let mut connection = context.pool.acquire().await?;
        let live = operate::live(&mut connection, P::NAME).await?;
        let ahead = mark(&mut connection, live, partition).await?;
        drop(connection);
        if let Some(stuck) = folding.fold_up_to(context, ahead).await? {
            return Ok(stuck);
        }
        let mut transaction = context.pool.begin().await?;
        let rows = change::lock(&mut transaction, live, Some(partition)).await?;
        let Some(locked) = rows.first().map(change::read).transpose()?.map(|(_, mark)| mark) else {
            continue;
        };
        let left = level::left(
            &[(partition.clone(), ahead)].into(),
            &[(partition.clone(), locked)].into(),
        );
        if left > level::LEFT_MAX {
            continue;
        }
        keep_alive(&mut transaction).await?;
        if let Some(stuck) = folding.fold_up_to(context, locked).await? {
            return Ok(stuck);
        }
        if folding.mark() != locked {
            return Err(super::refused(format!(
                "{partition} was taken back to {locked:?} meanwhile: run it again"
            )));
        }
        return folding.store(transaction, (live, partition, key), by).await;
    }
    Err(super::refused("events come faster than they are read; run it again when there are fewer"))
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

/// The key's rows so far, and the reader that goes on from there.
struct Folding<P: Projection> {
    partition: Partition,
    /// Absent while it reads.
    reader: Option<Reader>,
    rows: BTreeMap<String, P::Rows>,
    /// Keys of rows that the events name.
    keys: BTreeSet<String>,
    events: usize,
}

impl<P: Projection> Folding<P> {
    async fn open(context: &Context, partition: &Partition, key: &str) -> Result<Self, Error> {
        let (reading, of, key) = (context.clone(), partition.clone(), key.as_bytes().to_vec());
        let reader = in_a_thread(move || Reader::open(&reading, &of, key)).await?;
        Ok(Self {
            partition: partition.clone(),
            reader: Some(reader),
            rows: BTreeMap::new(),
            keys: BTreeSet::new(),
            events: 0,
        })
    }

    /// How far the log was read.
    fn mark(&self) -> Mark {
        self.reader.as_ref().map(Reader::mark).unwrap_or_default()
    }

    /// Reads and folds up to the mark. Gives the first event that cannot be applied.
    async fn fold_up_to(
        &mut self,
        context: &Context,
        until: Mark,
    ) -> Result<Option<Outcome>, Error> {
        while let Some(mut reader) = self.reader.take() {
            let (reader, page) = in_a_thread(move || {
                let page = reader.read(until)?;
                Ok((reader, page))
            })
            .await?;
            let is_done = reader.mark() >= until;
            self.reader = Some(reader);
            if let Some(stuck) = self.fold_page(context, page).await? {
                return Ok(Some(stuck));
            }
            if is_done {
                return Ok(None);
            }
        }
        Err(Error::Missing("the reader was lost".to_owned()))
    }

    async fn fold_page(
        &mut self,
        context: &Context,
        accepted: Vec<Arrived>,
    ) -> Result<Option<Outcome>, Error> {
        let mut contents = Vec::with_capacity(accepted.len());
        for arrived in &accepted {
            contents.push(P::Body::decode(arrived, &context.schemas).await?);
        }
        let (partition, here) = (self.partition.clone(), Checkpoint::default());
        let foreign = Vec::new();
        let slice =
            Slice { partition, from: here, to: here, accepted, foreign, is_gap_open: false };
        let batch = [Read { slice, contents }];
        let facts = batch[0].contents.iter().flatten();
        let keys: BTreeSet<&str> = facts.filter_map(|fact| P::key(&fact.body)).collect();
        // What this page does not change stays; what it changes comes back.
        let rows = keys.iter().filter_map(|key| self.rows.remove_entry(*key)).collect();
        let before = Before { rows, parked: KeysByPartition::new() };
        let folded = fold::<P>(&batch, before, &Unstorable::new());
        if let Some(letter) = folded.letters.first() {
            return Ok(Some(Outcome::Stuck {
                offset: letter.record.offset,
                class: letter.class.to_owned(),
                message: letter.message.clone(),
            }));
        }
        self.events += batch[0].contents.len();
        self.rows.extend(folded.rows.into_iter().map(|(key, rows)| (key.to_owned(), rows)));
        self.keys.extend(keys.into_iter().map(str::to_owned));
        Ok(None)
    }

    /// Puts the rows in the place of those that are there.
    async fn store(
        self,
        mut transaction: Transaction<'static, Postgres>,
        (live, partition, key): (Owner, &Partition, &str),
        by: &Operator,
    ) -> Result<Outcome, Error> {
        let mut removable: BTreeSet<&str> = self.keys.iter().map(String::as_str).collect();
        if P::TOPICS.iter().all(|topic| matches!(topic, Topic::Events(_))) {
            // Rows without events go too.
            removable.insert(key);
        }
        let removable: Vec<&str> = removable.into_iter().collect();
        P::remove(&mut transaction, &removable).await?;
        let rows: Vec<&P::Rows> = self.rows.values().collect();
        if !rows.is_empty() {
            P::store(&mut transaction, &rows).await?;
        }
        let told: Vec<_> = rows.iter().filter_map(|rows| P::changes(rows).pop()).collect();
        changes::insert_healed(&mut transaction, live, partition, &told).await?;
        for statement in [
            "DELETE FROM dead_letters WHERE projection = $1 AND generation = $2 AND topic = $3
                 AND partition = $4 AND key = $5 AND sha256(key) = sha256($5)
                 AND link_sequence IS NOT NULL",
            "DELETE FROM parked_keys WHERE projection = $1 AND generation = $2 AND topic = $3
                 AND partition = $4 AND key = $5 AND key_hash = sha256($5)",
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
        let events = self.events;
        let detail = json!({"key": key, "events": events});
        operate::record(&mut transaction, by, "rebuild", live, Some(partition), detail).await?;
        transaction.commit().await?;
        Ok(Outcome::Rebuilt { events })
    }
}

async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let crashed = |_| Err(Error::Missing("the reader panicked".to_owned()));
    spawn_blocking(work).await.unwrap_or_else(crashed)
}

/// Reads a partition from its oldest record on, for the records of one key.
struct Reader {
    log: LogReader,
    intake: Intake,
    partition: Partition,
    key: Vec<u8>,
}

impl Reader {
    fn open(context: &Context, partition: &Partition, key: Vec<u8>) -> Result<Self, Error> {
        let mut log = LogReader::open(&context.connection, "spillway-rebuild")?;
        let watermarks = log.watermarks(partition)?;
        let is_kept_for_ever = matches!(partition.topic(), Some(Topic::Events(_)));
        let from = Checkpoint::default();
        let (offset, link) = plan(from, watermarks, From::Oldest, is_kept_for_ever);
        log.start(partition, offset)?;
        let intake = Intake::new(partition.clone(), from, link);
        Ok(Self { log, intake, partition: partition.clone(), key })
    }

    fn mark(&self) -> Mark {
        self.intake.link().end().mark
    }

    /// The key's accepted records up to the mark, or up to a page of them. Only these are kept.
    fn read(&mut self, until: Mark) -> Result<Vec<Arrived>, Error> {
        let (mut kept, mut heard) = (Vec::new(), Instant::now());
        while self.mark() < until && kept.len() < PAGE {
            match self.log.poll(Duration::from_millis(100))? {
                Some(record) => {
                    heard = Instant::now();
                    self.intake.admit(record);
                    if let Some(slice) = self.intake.take() {
                        let ours = slice.accepted.into_iter();
                        kept.extend(ours.filter(|a| a.record.key() == Some(&*self.key)));
                    }
                }
                None if heard.elapsed() >= SILENCE_MAX => {
                    let partition = &self.partition;
                    let missing = format!("{partition} gives nothing up to {until:?}");
                    return Err(Error::Missing(missing));
                }
                None => {}
            }
        }
        Ok(kept)
    }
}
