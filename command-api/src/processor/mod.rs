//! The processor: runs the shards that the group assigns to this instance.
//!
//! ```text
//! command log --Member--> shard::processor --Outlet--> outputs
//!                              ^                          |
//!                              +-------- reports ---------+--> commits
//! ```
//!
//! One thread does all of it; a second one takes snapshots beside it. The protocol itself (what is silent, what may be committed, when a
//! Tick is due, what a doubt undoes) is `shard::processor`, which knows no Kafka; this module only
//! carries records to it, and outputs and commits away.

mod lag;
mod metrics;
mod outlet;
mod readiness;
pub mod record;
pub mod repair;
mod restores;
mod runner;
pub mod snapshots;
mod trace;
mod witness;

use std::{io, thread, time::Duration};

use eventlog::{Connection, SchemaIds, StartError};
use service::health::Health;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use readiness::Readiness;
use runner::Runner;
use snapshots::Snapshots;

/// What a processor needs.
#[derive(Debug, Clone)]
pub struct Settings {
    pub connection: Connection,
    /// Consumer group whose members share the shards.
    pub group: String,
    /// Name by which the brokers know this instance.
    pub client_id: String,
    /// The registry's ids of the event schemas.
    pub schema_ids: SchemaIds,
    /// How long a stop waits for outstanding outputs.
    pub drain: Duration,
    /// Where snapshots are kept; without one, a restore replays the whole log.
    pub snapshots: Option<snapshots::Settings>,
}

/// Why a processor could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Client(#[from] StartError),
    #[error("no thread can be started: {0}")]
    Thread(#[from] io::Error),
}

/// A running processor. It ends by itself after the stop, or when it cannot go on.
#[derive(Debug)]
pub struct Processor {
    ended: oneshot::Receiver<Result<(), StartError>>,
}

impl Processor {
    /// Joins the group and starts the thread. The condition `shards` holds a start up, and later
    /// only tells: an edge can append and get replies whatever becomes of the shards here. Must be
    /// called within a tokio runtime.
    pub fn start(
        settings: Settings,
        health: &Health,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        metrics::describe();
        let readiness = Readiness::new(health.start_condition("shards"));
        let heartbeat = health.heartbeat("processor", Duration::from_secs(60));
        let snapshots =
            Snapshots::start(&settings.connection, settings.snapshots.clone(), stop.clone())?;
        let runner = Runner::join(settings, snapshots, readiness, heartbeat, stop)?;
        let (done, ended) = oneshot::channel();
        thread::Builder::new().name("processor".to_owned()).spawn(move || {
            // The receiver is gone only when the process no longer cares.
            let _ = done.send(runner.run());
        })?;
        Ok(Self { ended })
    }

    /// Waits until the processor has ended: after the stop in order, else with what ended it.
    pub async fn ended(self) -> Result<(), EndedBadly> {
        match self.ended.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(EndedBadly::Client(error)),
            Err(_) => Err(EndedBadly::Panicked),
        }
    }
}

/// What ended a processor that was not stopped.
#[derive(Debug, thiserror::Error)]
pub enum EndedBadly {
    #[error(transparent)]
    Client(StartError),
    #[error("the processor's thread panicked; its last log line says where")]
    Panicked,
}
