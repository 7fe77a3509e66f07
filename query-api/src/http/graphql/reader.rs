//! What one GraphQL request brings and shares: its positions, its turns at PostgreSQL, its loads.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{Context, dataloader::DataLoader};
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{error::failed, load::Loads};
use crate::{
    http::{Api, error::Error, freshness::Freshness},
    read::{
        self, Database,
        checkpoint::{Marks, Projection},
    },
};

/// Statements of one request that run at the same time: its fields are resolved side by side, and
/// must not take all connections from the others.
const TURNS: usize = 4;

/// Statements that requests have sent; label `read`.
const READS: &str = "query_graphql_reads_total";

/// A handle; clones belong to one request.
#[derive(Clone)]
pub(super) struct Reader(Arc<Shared>);

struct Shared {
    api: Api,
    freshness: Freshness,
    turns: Semaphore,
    /// Keys that are shown as they were before their dead letters.
    parked: AtomicU64,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("freshness", &self.0.freshness).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(api: Api, freshness: Freshness) -> Self {
        let (turns, parked) = (Semaphore::new(TURNS), AtomicU64::new(0));
        Self(Arc::new(Shared { api, freshness, turns, parked }))
    }

    /// The reader of the request that a resolver works for.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked::<Self>()
    }

    /// The loads of the request that a resolver works for.
    pub(super) fn loads<'a>(context: &Context<'a>) -> &'a DataLoader<Loads> {
        context.data_unchecked::<DataLoader<Loads>>()
    }

    pub(super) fn api(&self) -> &Api {
        &self.0.api
    }

    pub(super) fn freshness(&self) -> &Freshness {
        &self.0.freshness
    }

    /// Reads once the read model is fresh enough, when it is this read's turn.
    pub(super) async fn read<T, F>(
        &self,
        projection: Projection,
        name: &'static str,
        read: impl Fn(Database) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, read::Error>>,
    {
        let Shared { api, freshness, .. } = &*self.0;
        let reading = async {
            let (answer, _) = api.servers.read(projection, freshness.positions(), read).await?;
            Ok(answer)
        };
        self.in_turn(projection, name, reading).await
    }

    /// The same for a read that chooses its server itself.
    pub(super) async fn in_turn<T>(
        &self,
        projection: Projection,
        name: &'static str,
        reading: impl Future<Output = Result<T, read::Error>>,
    ) -> Result<T, Error> {
        self.0.freshness.wait(&self.0.api, projection).await?;
        let _turn = self.turn(name).await;
        Ok(reading.await?)
    }

    /// Waits for this read's turn, which lasts until the permit is dropped.
    pub(super) async fn turn(&self, name: &'static str) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        let turn = self.0.turns.acquire().await.ok();
        metrics::counter!(READS, "read" => name).increment(1);
        turn
    }

    /// The same for a resolver.
    pub(super) async fn answer<T, F>(
        &self,
        projection: Projection,
        name: &'static str,
        read: impl Fn(Database) -> F,
    ) -> async_graphql::Result<T>
    where
        F: Future<Output = Result<T, read::Error>>,
    {
        self.read(projection, name, read).await.map_err(failed)
    }

    /// Whether the request has positions by which a list is to be judged.
    pub(super) fn is_judged(&self) -> bool {
        !self.freshness().positions().is_empty()
    }

    /// Reads a list, which is judged by the marks that it was read with. Boxed, because resolvers are
    /// deep as they are.
    pub(super) fn list<'a, T, F>(
        &'a self,
        projection: Projection,
        name: &'static str,
        read: impl Fn(Database) -> F + Send + Sync + 'a,
    ) -> BoxFuture<'a, async_graphql::Result<T>>
    where
        T: Send + 'a,
        F: Future<Output = Result<(T, Marks), read::Error>> + Send + 'a,
    {
        Box::pin(async move {
            let (list, marks) = self.answer(projection, name, read).await?;
            self.freshness().judge_marks(projection, &marks).map_err(failed)?;
            Ok(list)
        })
    }

    /// Notes that the answer shows so many keys as they were before their dead letters.
    pub(super) fn note_parked(&self, keys: u64) {
        self.0.parked.fetch_max(keys, Ordering::Relaxed);
    }

    pub(super) fn parked(&self) -> u64 {
        self.0.parked.load(Ordering::Relaxed)
    }
}
