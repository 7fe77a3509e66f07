//! Read your writes: a request that brings a position waits until the read model has passed it.
//!
//! Guarantee: rows read *after* [`Tracker::passed`] has answered show everything up to the position.
//! The projector moves a checkpoint in the same transaction as the rows it stands for, so whoever
//! has seen the checkpoint on a server sees the rows in any later statement on that server. Hence
//! checkpoints and rows must come from one server: `DATABASE_URL` may name a replica, but never an
//! address that spreads connections over several.
//!
//! No request polls PostgreSQL: one [`Keeper`] per process reads the checkpoints, and those who
//! wait watch what it found. It reads when a request begins to wait, when the projector says that a
//! checkpoint has moved, and at a short interval while somebody waits, because a notice is only a
//! hint: it is lost with its connection, and replicas send none.

mod demand;
mod keeper;
mod tracker;

pub use keeper::Keeper;
pub use tracker::{NotPassed, Tracker};

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use crate::read::{
    Database,
    checkpoint::{Marks, ParkedKeys},
};

/// What is known of the checkpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// As last read. Stays as it is while PostgreSQL is away: checkpoints only rise, but for a reset,
    /// and for that every answer is judged by the marks that it was read with.
    marks: Arc<Marks>,
    /// Keys that wait behind dead letters, read after the marks.
    parked: ParkedKeys,
    /// Whether the last reading succeeded.
    reachable: bool,
}

/// Makes the handle for requests and the task that serves it.
pub fn tracker(database: &Database, poll: Duration) -> (Tracker, Keeper) {
    let (known, watched) = watch::channel(Known::default());
    let demand = demand::Demand::default();
    let keeper = Keeper {
        pool: database.reserved(),
        notices: database.reserved(),
        database: database.clone(),
        poll,
        known,
        demand: demand.clone(),
        moved: Arc::new(Notify::new()),
    };
    (Tracker::new(watched, demand), keeper)
}
