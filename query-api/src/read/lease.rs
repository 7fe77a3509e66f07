//! Connections to PostgreSQL that stay open from read to read.
//!
//! They are kept by deadpool and not by sqlx's own pool, which asks the server before and after each
//! use whether a connection is alive: two round trips more than the one that a read takes. Here a read
//! finds out by itself, and is made again on another connection ([`super::Database::read`]).

use std::{
    future::Future,
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::{
    Runtime,
    managed::{
        BuildError, Manager, Metrics, Object, Pool, PoolConfig, PoolError, QueueMode,
        RecycleResult, Timeouts,
    },
};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::database::Settings;

/// Connections are made anew from time to time, so that a server that took over gets its share, and
/// given back when a spike is over.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// Opens connections. One that comes back is as good as new: only whole reads give theirs back.
#[derive(Debug)]
pub(super) struct Opener(PgConnectOptions);

impl Manager for Opener {
    type Type = PgConnection;
    type Error = sqlx::Error;

    fn create(&self) -> impl Future<Output = Result<PgConnection, sqlx::Error>> + Send {
        self.0.connect()
    }

    async fn recycle(&self, _: &mut PgConnection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
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
    leases.retain(|_, metrics| metrics.age() < AGE_MAX && metrics.last_used() < IDLE_MAX);
}

/// A connection for one read.
#[derive(Debug)]
pub(crate) struct Lease(Option<Object<Opener>>);

impl Lease {
    /// Waits for a free connection, or opens one.
    pub(super) async fn of(leases: &Leases) -> Result<Self, sqlx::Error> {
        match leases.get().await {
            Ok(object) => Ok(Self(Some(object))),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Whether it may have died since it was used before.
    pub(super) fn is_reused(&self) -> bool {
        self.0.as_ref().is_some_and(|object| Object::metrics(object).recycle_count > 0)
    }

    /// Ends the read. A connection is given back after a whole one only: whatever broke off, a request
    /// that was given up included, may have left half an answer in it, so that one is closed. A whole
    /// read has committed: a transaction that is only dropped stays open, with its locks, until the
    /// connection is used again.
    pub(crate) fn end<T>(mut self, read: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if read.is_ok() {
            drop(self.0.take());
        }
        read
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect("a lease holds its connection until it ends")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("a lease holds its connection until it ends")
    }
}
