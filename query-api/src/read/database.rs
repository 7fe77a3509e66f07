//! The door to PostgreSQL: connections with every limit spelled out, and one deadline over each read.

use std::{future::Future, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, FromRow, PgPool, Postgres, QueryBuilder,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

use super::{
    Error,
    checkpoint::{self, Marks, Projection},
    error::is_lost,
    lease::{self, Lease, Leases},
};
use crate::measure::{CONNECTIONS, CONNECTIONS_MAX};

/// Begins a transaction whose statements all see one moment.
pub(super) const MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

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

impl Settings {
    pub(super) fn size(self) -> usize {
        usize::try_from(self.connections_max).unwrap_or(usize::MAX)
    }
}

/// A handle to the read models; clones share the connections.
#[derive(Debug, Clone)]
pub struct Database {
    leases: Leases,
    options: PgConnectOptions,
    settings: Settings,
}

impl Database {
    /// Prepares the connections; nothing connects before the first read, so that a process starts,
    /// and says on `/readyz` what is missing, while PostgreSQL is away.
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
        let leases = lease::leases(options.clone(), settings);
        let leases = leases.expect("deadpool refuses only timeouts without a runtime");
        Self { leases, options, settings }
    }

    /// A pool of one connection that requests cannot starve, for the position tracker.
    pub(crate) fn reserved(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.settings.acquire)
            .connect_lazy_with(self.options.clone())
    }

    /// Runs one read within the deadline, and again while its connection turns out to have died since
    /// the read before: a server that was restarted costs no answer, and a live one no question
    /// whether it is.
    ///
    /// The server's own statement timeout ends what is merely slow; this one also ends a read whose
    /// server has fallen silent, which would otherwise hold the request for ever.
    pub(crate) async fn read<T, F>(&self, read: impl Fn(Lease) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        // Boxed, because the futures of GraphQL are deep as they are.
        let read = Box::pin(async {
            loop {
                let lease = Lease::of(&self.leases, self.settings.statement).await?;
                let is_reused = lease.is_reused();
                match read(lease).await {
                    // Each turn closes one of them, and a new one has no such excuse.
                    Err(error) if is_reused && is_lost(&error) => {
                        tracing::debug!(%error, "A connection had died; reading on another one.");
                    }
                    ended => return ended,
                }
            }
        });
        within(self.deadline(), read).await
    }

    /// The rows of a list, and how far the read model to be judged was in the same moment; no marks
    /// where there is none.
    pub(super) async fn list<T>(
        &self,
        statement: impl Fn() -> QueryBuilder<Postgres>,
        judged: Option<Projection>,
    ) -> Result<(Vec<T>, Marks), Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let statement = &statement;
        self.read(|mut lease| async move {
            let read = page(&mut lease, statement(), judged).await;
            lease.end(read)
        })
        .await
    }

    /// The longest that any one read takes.
    pub(crate) fn deadline(&self) -> Duration {
        self.settings.acquire + self.settings.statement
    }

    /// Closes connections that are not needed any more.
    pub(crate) fn retire(&self) {
        lease::retire(&self.leases);
    }

    /// Publishes how many connections there are.
    pub(crate) fn report(&self) {
        let status = self.leases.status();
        let (idle, open) = (status.available, status.size);
        let gauge = |state: &'static str, connections: usize| {
            // A pool has at most 1,000 connections, which a float counts exactly.
            let connections = u32::try_from(connections).unwrap_or(u32::MAX);
            metrics::gauge!(CONNECTIONS, "state" => state).set(f64::from(connections));
        };
        gauge("idle", idle);
        gauge("used", open.saturating_sub(idle));
        metrics::gauge!(CONNECTIONS_MAX).set(f64::from(self.settings.connections_max));
    }

    /// Closes the connections; those of running reads when these end.
    pub fn close(&self) {
        self.leases.close();
    }
}

/// Reads a page, and the marks in the same snapshot where they are wanted.
async fn page<T>(
    lease: &mut Lease,
    mut statement: QueryBuilder<Postgres>,
    judged: Option<Projection>,
) -> Result<(Vec<T>, Marks), sqlx::Error>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let query = statement.build_query_as();
    let Some(judged) = judged else {
        return Ok((query.fetch_all(&mut **lease).await?, Marks::default()));
    };
    let mut moment = lease.begin_with(MOMENT).await?;
    let rows = query.fetch_all(&mut *moment).await?;
    let marks = checkpoint::marks_of(&mut moment, judged).await?;
    moment.commit().await?;
    Ok((rows, marks))
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
