//! Applies a batch in one PostgreSQL transaction: the rows, the dead letters and the checkpoint.
//!
//! The checkpoint rows are locked first and compared with what the batch starts from, so of two
//! runners of one partition only one can commit a step, and the other learns it. Partitions are
//! locked in one order and rows written in key order, so that runners cannot deadlock.

pub(crate) mod changes;
pub mod checkpoint;
pub mod connect;
pub mod generation;
pub mod letters;
pub mod notice;

use std::collections::{BTreeMap, BTreeSet};

use eventlog::Partition;
use sqlx::{Acquire, PgConnection, PgPool};

use crate::{
    fact::class,
    fold::{Before, Folded, Read, Unstorable, fold},
    projection::Projection,
};

/// The owner of rows: one build of one read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub projection: &'static str,
    /// Counts the builds of the read model, from 1.
    pub generation: i32,
    pub stage: Stage,
}

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It answers queries; its tables lie in the default schema.
    Live,
    /// It is filled beside the live one; its tables lie in a schema of their own.
    Beside,
}

impl Stage {
    /// The state in which its checkpoints must be, so that batches are applied.
    fn state(self) -> &'static str {
        match self {
            Stage::Live => "running",
            Stage::Beside => "rebuilding",
        }
    }
}

impl Owner {
    /// The live build with this number.
    pub fn live(projection: &'static str, generation: i32) -> Self {
        Self { projection, generation, stage: Stage::Live }
    }

    /// The schema of the tables while the build is not live.
    pub fn schema(&self) -> String {
        format!("{}_{}", self.projection, self.generation)
    }
}

/// What a committed batch did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Facts that changed rows.
    pub facts_count: u64,
    /// Dead letters by class.
    pub letters: BTreeMap<&'static str, u64>,
    /// Keys that were parked.
    pub parked_count: u64,
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another runner, or an operator, moved the checkpoint: reload it and read from there.
    #[error("the checkpoint of {0} is not where this runner left it")]
    Conflict(Partition),
    /// An operator wants nothing to be applied.
    #[error("{0} is paused")]
    Paused(Partition),
    /// The build was switched off: look for the live one.
    #[error("generation {0} is not to be filled any more")]
    NotOurs(i32),
    /// Nothing is wrong with the batch: try again.
    #[error("PostgreSQL did not apply the batch")]
    Database(#[from] sqlx::Error),
}

/// Applies a batch, or nothing of it. Rows that PostgreSQL refuses are found one by one and become
/// dead letters; every other error leaves the batch to be tried again.
pub async fn apply<P: Projection>(
    pool: &PgPool,
    owner: Owner,
    batch: &[Read<P::Body>],
) -> Result<Applied, Error> {
    match attempt::<P>(pool, owner, batch, &Unstorable::new()).await {
        Err(Error::Database(error)) if is_about_data(&error) => {
            let unstorable = find_unstorable::<P>(pool, owner, batch).await?;
            if unstorable.is_empty() {
                return Err(error.into());
            }
            attempt::<P>(pool, owner, batch, &unstorable).await
        }
        outcome => outcome,
    }
}

async fn attempt<P: Projection>(
    pool: &PgPool,
    owner: Owner,
    batch: &[Read<P::Body>],
    unstorable: &Unstorable,
) -> Result<Applied, Error> {
    let mut transaction = pool.begin().await?;
    let before = stand::<P>(&mut transaction, owner, batch).await?;
    let folded = fold::<P>(batch, before, unstorable);
    let rows: Vec<&P::Rows> = folded.rows.values().collect();
    if !rows.is_empty() {
        P::store(&mut transaction, &rows).await?;
    }
    if owner.stage == Stage::Live {
        let told: Vec<_> = rows.iter().flat_map(|rows| P::changes(rows)).collect();
        changes::insert(&mut transaction, owner, &told).await?;
    }
    letters::insert(&mut transaction, owner, &folded.letters).await?;
    letters::park(&mut transaction, owner, &folded.parked).await?;
    let notices = notices(owner, batch, &folded);
    checkpoint::advance(&mut transaction, owner, batch, &notices).await?;
    transaction.commit().await?;
    Ok(summary(&folded))
}

/// What to tell of the rows that have changed and of the keys that are parked.
fn notices<B, R>(owner: Owner, batch: &[Read<B>], folded: &Folded<'_, R>) -> Vec<String> {
    match batch {
        _ if owner.stage == Stage::Beside => Vec::new(),
        [read] => {
            let parked = folded.parked.iter().filter_map(|key| str::from_utf8(key.key).ok());
            notice::texts(owner, &read.slice, folded.rows.keys().copied().chain(parked))
        }
        // Which key came from which partition is not known here.
        several => several
            .iter()
            .flat_map(|read| notice::texts(owner, &read.slice, std::iter::once("")))
            .map(|text| text.trim_end().to_owned())
            .collect(),
    }
}

/// Locks and compares the checkpoints, and reads what stands before the batch.
async fn stand<P: Projection>(
    connection: &mut PgConnection,
    owner: Owner,
    batch: &[Read<P::Body>],
) -> Result<Before<P::Rows>, Error> {
    let slices = batch.iter().map(|read| &read.slice);
    checkpoint::lock(connection, owner, slices).await?;
    if owner.stage == Stage::Beside {
        look_beside(connection, owner).await?;
    }
    let accepted = batch.iter().flat_map(|read| &read.slice.accepted);
    let parked = letters::parked_among(connection, owner, accepted).await?;
    let contents = batch.iter().flat_map(|read| &read.contents);
    let keys: BTreeSet<&str> =
        contents.filter_map(|content| P::key(&content.as_ref().ok()?.body)).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let rows = if keys.is_empty() { BTreeMap::new() } else { P::load(connection, &keys).await? };
    Ok(Before { rows, parked })
}

/// Lets the rest of the transaction name the tables of a build that is not live.
pub(crate) async fn look_beside(connection: &mut PgConnection, owner: Owner) -> sqlx::Result<()> {
    sqlx::query("SELECT set_config('search_path', quote_ident($1) || ', public', true)")
        .bind(owner.schema())
        .execute(connection)
        .await?;
    Ok(())
}

/// Tries the changed rows key by key, each in a savepoint, and keeps nothing.
async fn find_unstorable<P: Projection>(
    pool: &PgPool,
    owner: Owner,
    batch: &[Read<P::Body>],
) -> Result<Unstorable, Error> {
    let mut transaction = pool.begin().await?;
    let before = stand::<P>(&mut transaction, owner, batch).await?;
    let folded = fold::<P>(batch, before, &Unstorable::new());
    let mut unstorable = Unstorable::new();
    for (key, rows) in folded.rows {
        let mut savepoint = transaction.begin().await?;
        match try_one::<P>(&mut savepoint, owner, &rows).await {
            Err(error) if is_about_data(&error) => {
                unstorable.insert(key.to_owned(), error.to_string());
                savepoint.rollback().await?;
            }
            outcome => {
                outcome?;
                savepoint.rollback().await?;
            }
        }
    }
    transaction.rollback().await?;
    Ok(unstorable)
}

/// Writes what one key comes to, as a batch does.
async fn try_one<P: Projection>(
    connection: &mut PgConnection,
    owner: Owner,
    rows: &P::Rows,
) -> sqlx::Result<()> {
    P::store(connection, &[rows]).await?;
    changes::insert(connection, owner, &P::changes(rows)).await
}

fn summary<R>(folded: &Folded<'_, R>) -> Applied {
    let mut letters = BTreeMap::new();
    for letter in &folded.letters {
        *letters.entry(letter.class).or_default() += 1;
    }
    // A waiting event is no news: its key was reported when it was parked.
    let news = folded.letters.iter().filter(|letter| letter.class != class::PARKED);
    letters::report(news);
    Applied { facts_count: folded.applied_count, letters, parked_count: folded.parked.len() as u64 }
}

/// True when PostgreSQL refuses the rows themselves, so that trying again cannot help: SQLSTATE
/// classes 21 (cardinality), 22 (data), 23 (constraints) and 54 (limits, as of an index).
pub(crate) fn is_about_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["21", "22", "23", "54"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
