//! Runners: one thread per projection, which reads the partitions that the group gives it, and one
//! lane per partition, which applies them with a connection of its own.
//!
//! Membership only decides who works: two runners of one partition cannot both commit, because each
//! transaction compares the checkpoint. So an instance may be stopped, frozen or killed at any time.

mod backlog;
mod gap;
mod lag;
mod lane;
mod lanes;
mod retry;
mod run;
pub(crate) mod start;
mod work;

use std::{sync::Arc, thread, time::Duration};

use eventlog::{Connection, SchemaReader, StartError};
use service::health::Health;
use sqlx::PgPool;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use crate::projection::Projection;
use run::Runner;

/// What runners are given.
#[derive(Debug, Clone)]
pub struct Context {
    pub pool: PgPool,
    pub connection: Connection,
    pub schemas: Arc<SchemaReader>,
    pub health: Health,
    pub stop: CancellationToken,
    pub settings: Settings,
}

/// What a deployment may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Consumer groups are named `{group}-{projection}`.
    pub group: String,
    /// Most records and bytes of one batch; the last record may exceed the bytes.
    pub batch_records_max: usize,
    pub batch_bytes_max: usize,
    /// Least time between two readings of the same stretch while a gap is open.
    pub gap_pause: Duration,
}

/// A runner that works until the stop.
#[derive(Debug)]
pub struct Running {
    pub projection: &'static str,
    /// Told how the runner ended; closed without a word when it panicked.
    pub ended: oneshot::Receiver<Result<(), StartError>>,
}

/// Starts the runner of a projection on a thread of its own. Call it inside a tokio runtime.
///
/// # Errors
/// When the Kafka client or the thread cannot be made.
pub(crate) fn start<P: Projection>(context: Context) -> Result<Running, StartError> {
    let runner = Runner::<P>::join(context, Handle::current())?;
    let (end, ended) = oneshot::channel();
    thread::Builder::new()
        .name(format!("projection-{}", P::NAME))
        .spawn(move || {
            // Nobody listens any more when the process gave up waiting.
            let _ = end.send(runner.run());
        })
        .map_err(StartError::Thread)?;
    Ok(Running { projection: P::NAME, ended })
}
