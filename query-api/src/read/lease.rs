//! Connections to PostgreSQL that stay open from read to read.
//!
//! They are kept by deadpool and not by sqlx's own pool, which asks the server before and after each
//! use whether a connection is alive: two round trips more than the one that a read takes. Here a read
//! finds out by itself, and is made again on another connection ([`super::Database::read`]).

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable as _};
use deadpool::{
    Runtime,
    managed::{
        BuildError, Manager, Metrics, Object, Pool, PoolConfig, PoolError, QueueMode, RecycleError,
        RecycleResult, Timeouts,
    },
};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{runtime::Handle, time::timeout};

use super::{database::Settings, error::is_no_time_to_connect};

/// Connections are made anew from time to time, so that a server that took over gets its share, and
/// given back when a spike is over.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// Between two tries to connect to a server that starts, or has no connection to spare.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Opens connections. One that comes back is as good as new: only whole reads give theirs back.
#[derive(Debug)]
pub(super) struct Opener(PgConnectOptions);

impl Manager for Opener {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// Tries on until the pool's own deadline.
    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        let pauses = ExponentialBuilder::default().with_min_delay(AGAIN.0).with_max_delay(AGAIN.1);
        let connect = || self.0.connect();
        connect.retry(pauses.without_max_times()).when(is_no_time_to_connect).await
    }

    async fn recycle(&self, _: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if is_worn(metrics) { Err(RecycleError::message("it is worn")) } else { Ok(()) }
    }
}

fn is_worn(metrics: &Metrics) -> bool {
    metrics.age() > AGE_MAX || metrics.last_used() > IDLE_MAX
}

/// The connections for requests.
pub(super) type Leases = Pool<Opener>;

/// Prepares the pool; nothing connects before the first read.
///
/// # Errors
/// Never: a runtime is named.
pub(super) fn leases(options: PgConnectOptions, settings: Settings) -> Result<Leases, BuildError> {
    let timeouts =
        Timeouts { wait: Some(settings.acquire), create: Some(settings.acquire), recycle: None };
    // The connection that was used last is the warmest, and the others can become old.
    let config = PoolConfig { max_size: settings.size(), timeouts, queue_mode: QueueMode::Lifo };
    Pool::builder(Opener(options)).config(config).runtime(Runtime::Tokio1).build()
}

/// Closes what has been open for too long, or was not used for long.
pub(super) fn retire(leases: &Leases) {
    leases.retain(|_, metrics| !is_worn(&metrics));
}

/// A connection for one read.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Option<Object<Opener>>,
    /// How long the server may work on a statement that nobody waits for any more.
    statement_max: Duration,
}

impl Lease {
    /// Waits for a free connection, or opens one.
    pub(super) async fn of(leases: &Leases, statement_max: Duration) -> Result<Self, sqlx::Error> {
        match leases.get().await {
            Ok(connection) => Ok(Self { connection: Some(connection), statement_max }),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Whether it may have died since it was used before.
    pub(super) fn is_reused(&self) -> bool {
        let is_reused = |object| Object::metrics(object).recycle_count > 0;
        self.connection.as_ref().is_some_and(is_reused)
    }

    /// Ends the read. A connection is given back after a whole one only: whatever broke off, a request
    /// that was given up included, may have left half an answer in it, so that one is closed. A whole
    /// read has committed: a transaction that is only dropped stays open, with its locks, until the
    /// connection is used again.
    pub(crate) fn end<T>(mut self, read: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if read.is_ok() {
            drop(self.connection.take());
        }
        read
    }
}

impl Drop for Lease {
    /// Closes the connection of a read that broke off, once the server is done with it: until then it
    /// counts among those that there may be, because the server works on whether anybody listens or
    /// not.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let statement_max = self.statement_max;
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                let _ = timeout(statement_max, connection.ping()).await;
                drop(Object::take(connection));
            })),
            Err(_) => drop(Object::take(connection)),
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a lease holds its connection until it ends")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a lease holds its connection until it ends")
    }
}
