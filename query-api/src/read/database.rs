//! The door to PostgreSQL: a pool with every limit spelled out, and one deadline over each read.

use std::{future::Future, time::Duration};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions as _, FromRow, PgPool, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::QueryAs,
};

use super::{
    Error,
    checkpoint::{self, Marks, Projection},
};
use crate::measure::{CONNECTIONS, CONNECTIONS_MAX};

/// Limits of the connections to PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Connections for requests; those who follow the projections have up to three of their own.
    pub connections_max: u32,
    /// How long a request may wait for a free connection.
    pub acquire: Duration,
    /// How long PostgreSQL may work on one statement.
    pub statement: Duration,
}

/// A handle to the read models; clones share the pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
    settings: Settings,
}

impl Database {
    /// Prepares a pool; nothing connects before the first read, so that a process starts, and says
    /// on `/readyz` what is missing, while PostgreSQL is away.
    pub fn new(options: PgConnectOptions, settings: Settings) -> Self {
        let statement_ms = settings.statement.as_millis().to_string();
        // sqlx asks whether a statement would be logged, and that question makes the subscriber
        // swallow the next record of the thread (tokio-rs/tracing#2519).
        let options = options.disable_statement_logging();
        let options = options.application_name("query-api").options([
            ("statement_timeout", statement_ms.as_str()),
            // This program has no business writing; a mistake becomes an error.
            ("default_transaction_read_only", "on"),
        ]);
        let pool = Self::pool_options(settings, settings.connections_max)
            .connect_lazy_with(options.clone());
        Self { pool, options, settings }
    }

    /// A pool of one connection that requests cannot starve, for the position tracker.
    pub(crate) fn reserved(&self) -> PgPool {
        Self::pool_options(self.settings, 1).connect_lazy_with(self.options.clone())
    }

    fn pool_options(settings: Settings, connections_max: u32) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(settings.acquire)
            // Connections are made anew from time to time, so that a server that took over gets its
            // share, and given back when a spike is over.
            .max_lifetime(Duration::from_secs(30 * 60))
            .idle_timeout(Duration::from_secs(10 * 60))
            // A connection that died with the server is found before a request gets it: one round
            // trip on the same machine or network buys that a restart costs no failed answer.
            .test_before_acquire(true)
    }

    /// Runs one read within the deadline.
    ///
    /// The server's own statement timeout ends what is merely slow; this one also ends a read whose
    /// server has fallen silent, which would otherwise hold the request for ever.
    pub(crate) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        within(self.deadline(), read).await
    }

    /// The rows of a list, and how far the read model to be judged was in the same moment; no marks
    /// where there is none. Boxed, because the futures of GraphQL are deep as they are.
    pub(super) fn list<'a, T>(
        &'a self,
        query: QueryAs<'a, Postgres, T, PgArguments>,
        judged: Option<Projection>,
    ) -> BoxFuture<'a, Result<(Vec<T>, Marks), Error>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'a,
    {
        let Some(judged) = judged else {
            return Box::pin(async move {
                Ok((self.read(query.fetch_all(&self.pool)).await?, Marks::default()))
            });
        };
        Box::pin(self.read(async move {
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
            let mut moment = self.pool.begin_with(begin).await?;
            let rows = query.fetch_all(&mut *moment).await?;
            let marks = checkpoint::marks_of(&mut moment, judged).await?;
            moment.commit().await?;
            Ok((rows, marks))
        }))
    }

    /// The longest that any one read takes.
    pub(crate) fn deadline(&self) -> Duration {
        self.settings.acquire + self.settings.statement
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Publishes how much of the pool is in use.
    pub(crate) fn report(&self) {
        let idle = self.pool.num_idle();
        let open = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        let gauge = |state: &'static str, connections: usize| {
            // A pool has at most 1,000 connections, which a float counts exactly.
            let connections = u32::try_from(connections).unwrap_or(u32::MAX);
            metrics::gauge!(CONNECTIONS, "state" => state).set(f64::from(connections));
        };
        gauge("idle", idle);
        gauge("used", open.saturating_sub(idle));
        metrics::gauge!(CONNECTIONS_MAX).set(f64::from(self.settings.connections_max));
    }

    /// Closes the pool once its running reads are done.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Runs a read within a time.
pub(super) async fn within<T>(
    time: Duration,
    read: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(time, read).await {
        Ok(read) => read.map_err(Error::from),
        Err(_elapsed) => Err(Error::Slow),
    }
}
