//! The PostgreSQL servers: the primary, and replicas that take reads off it.
//!
//! A replica is read only when it has passed every position that the request brings, as its own
//! keeper has seen on that very server, and when it is not further behind the primary than allowed.
//! One that fails is left alone for a moment, and the primary answers instead.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use events::Position;
use tokio_util::sync::CancellationToken;

use crate::{
    position::Tracker,
    read::{
        Database, Error,
        checkpoint::{Marks, Projection},
    },
};

/// How long a replica that has failed is not asked.
const REST: Duration = Duration::from_secs(1);

/// A handle; clones share the servers.
#[derive(Debug, Clone)]
pub struct Servers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    primary: Database,
    tracker: Tracker,
    replicas: Vec<Replica>,
    turn: AtomicUsize,
    /// Marks of the primary that a replica must have passed.
    floor: RwLock<Arc<Marks>>,
}

#[derive(Debug)]
struct Replica {
    database: Database,
    tracker: Tracker,
    rests_until: RwLock<Option<Instant>>,
}

/// Which kind of server has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Primary,
    Replica,
}

impl Servers {
    /// The primary and its replicas, each with the tracker of its own checkpoints.
    pub fn new(primary: (Database, Tracker), replicas: Vec<(Database, Tracker)>) -> Self {
        let (primary, tracker) = primary;
        let replica =
            |(database, tracker)| Replica { database, tracker, rests_until: RwLock::default() };
        Self(Arc::new(Inner {
            primary,
            tracker,
            replicas: replicas.into_iter().map(replica).collect(),
            turn: AtomicUsize::new(0),
            floor: RwLock::default(),
        }))
    }

    pub fn primary(&self) -> &Database {
        &self.0.primary
    }

    /// Raises, every `lag_max`, what replicas must have passed to where the primary was one `lag_max`
    /// before. So a replica that is read is at most twice that behind.
    pub async fn watch_lag(self, lag_max: Duration, stop: CancellationToken) {
        if self.0.replicas.is_empty() {
            return;
        }
        let mut before = self.0.tracker.all_marks();
        while stop.run_until_cancelled(tokio::time::sleep(lag_max)).await.is_some() {
            let now = self.0.tracker.all_marks();
            *self.0.floor.write().unwrap_or_else(PoisonError::into_inner) =
                std::mem::replace(&mut before, now);
        }
    }

    /// Whether some replica could answer a request with these positions now.
    pub fn has_replica_passed(&self, projection: Projection, positions: &[Position]) -> bool {
        self.0.replicas.iter().any(|replica| self.is_fit(replica, projection, positions))
    }

    /// Reads from a replica that has passed the positions, else from the primary.
    ///
    /// # Errors
    /// When the primary was asked and does not answer.
    pub async fn read<T, F>(
        &self,
        projection: Projection,
        positions: &[Position],
        read: impl Fn(Database) -> F,
    ) -> Result<(T, Server), Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if let Some(replica) = self.choose(projection, positions) {
            match read(replica.database.clone()).await {
                Ok(answer) => return Ok((answer, Server::Replica)),
                Err(error) => {
                    tracing::debug!(%error, "A replica did not answer; the primary is asked.");
                    *replica.rests_until.write().unwrap_or_else(PoisonError::into_inner) =
                        Some(Instant::now() + REST);
                }
            }
        }
        Ok((read(self.0.primary.clone()).await?, Server::Primary))
    }

    /// One after the other.
    fn choose(&self, projection: Projection, positions: &[Position]) -> Option<&Replica> {
        let count = self.0.replicas.len();
        if count == 0 {
            return None;
        }
        let first = self.0.turn.fetch_add(1, Ordering::Relaxed);
        (0..count)
            .map(|step| &self.0.replicas[first.wrapping_add(step) % count])
            .find(|replica| self.is_fit(replica, projection, positions))
    }

    fn is_fit(&self, replica: &Replica, projection: Projection, positions: &[Position]) -> bool {
        let rests_until = *replica.rests_until.read().unwrap_or_else(PoisonError::into_inner);
        if rests_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let floor = self.0.floor.read().unwrap_or_else(PoisonError::into_inner).clone();
        replica.tracker.has_passed(projection, positions, &floor)
    }

    /// Closes the connections; those of running reads when these end.
    pub fn close(&self) {
        for replica in &self.0.replicas {
            replica.database.close();
        }
        self.0.primary.close();
    }
}
