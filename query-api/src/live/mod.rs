//! Live streams: what happens to an order, a customer's orders, or products, as it is projected.
//!
//! ```text
//! changes (PostgreSQL) --one reader per projection--> hub --bounded queues--> sessions --> SSE, WebSocket
//! ```
//!
//! The projector writes a row of `changes` for every change, in the transaction that makes it and
//! behind the checkpoint's lock, so within a partition rows appear in the order of their places.
//! A session's [`Cursor`] names the place it has passed in each partition; it is the id of every
//! message. Hence:
//!
//! - a stream goes on from an id on any instance, without a gap or a repeat: what is behind the id
//!   is read from PostgreSQL, and what comes after from the hub, and places decide which is which;
//! - nothing depends on notices, which only make the reader look earlier;
//! - a rebuild's switch changes nothing, since both generations stand at the same marks;
//! - no client can make this process hold more than its queue: one that does not keep up is told so
//!   and cut, and goes on from its last id.

mod change;
mod cursor;
mod hub;
mod registry;
mod session;
mod sql;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    measure::STREAMS_OPEN,
    position::Tracker,
    read::{Database, Error, checkpoint::Projection},
};

pub use change::{OrderChanged, ProductChanged};
pub use cursor::{Cursor, Place, Unreadable};
pub use registry::{Change, End, Filter};
pub use session::{Message, Session, Snapshot};

/// Limits of live streams.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Streams that this process serves at once.
    pub streams_max: u32,
    /// Changes that wait for a client before it is cut.
    pub queue_max: u32,
    /// The longest silence of a stream.
    pub keep_alive: Duration,
}

/// Opens streams; cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    database: Database,
    orders: mpsc::Sender<hub::Subscribe>,
    products: mpsc::Sender<hub::Subscribe>,
    permits: Arc<Semaphore>,
    settings: Settings,
    stop: CancellationToken,
}

/// Why a stream is not opened.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// As many are open as this process serves.
    #[error("too many streams are open")]
    TooMany,
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
    /// What lies behind the id is not kept any more.
    #[error("what lies behind the id is not kept any more")]
    Gone,
    /// The id belongs to another stream.
    #[error("the id says nothing about this stream")]
    Foreign,
    /// No event of the order has been projected.
    #[error("there is no such order")]
    UnknownOrder,
    #[error(transparent)]
    Read(#[from] Error),
}

/// The readers behind the streams; they end with the stop.
#[derive(Debug)]
pub struct Readers([JoinHandle<()>; 2]);

impl Readers {
    /// Waits for their end; a panic was logged by the hook.
    pub async fn ended(self) {
        for reader in self.0 {
            let _ = reader.await;
        }
    }
}

impl Live {
    /// Starts the readers. All streams end at the stop.
    pub fn start(
        database: Database,
        tracker: &Tracker,
        settings: Settings,
        stop: CancellationToken,
    ) -> (Self, Readers) {
        let start = |projection| {
            let hub = hub::Hub::new(projection, database.clone(), tracker.clone());
            let (subscribe, commands) = mpsc::channel(64);
            (subscribe, tokio::spawn(hub.run(commands, stop.clone())))
        };
        let ((orders, one), (products, other)) =
            (start(Projection::Orders), start(Projection::Products));
        let permits = usize::try_from(settings.streams_max).unwrap_or(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(permits));
        (Self { database, orders, products, permits, settings, stop }, Readers([one, other]))
    }

    /// Opens a stream: with the current state, or where `resume` left off.
    ///
    /// # Errors
    /// When it cannot be opened, or not there.
    pub async fn open(&self, filter: Filter, resume: Option<Cursor>) -> Result<Session, Refused> {
        if self.stop.is_cancelled() {
            return Err(Refused::Stopping);
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let open = Open::new(permit.map_err(|_| Refused::TooMany)?, &filter);
        Session::begin(self.clone(), filter, resume, open).await
    }

    /// Whether the process is stopping.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The longest silence of a stream.
    pub fn keep_alive(&self) -> Duration {
        self.settings.keep_alive
    }

    /// How many streams may be open at once.
    pub fn streams_max(&self) -> usize {
        usize::try_from(self.settings.streams_max).unwrap_or(usize::MAX)
    }

    /// How many more may be opened now.
    pub fn room(&self) -> usize {
        self.permits.available_permits()
    }

    fn hub(&self, projection: Projection) -> &mpsc::Sender<hub::Subscribe> {
        match projection {
            Projection::Products => &self.products,
            _ => &self.orders,
        }
    }
}

/// Counts a stream while it is open.
#[derive(Debug)]
struct Open {
    _permit: tokio::sync::OwnedSemaphorePermit,
    stream: &'static str,
}

impl Open {
    fn new(permit: tokio::sync::OwnedSemaphorePermit, filter: &Filter) -> Self {
        let stream = filter.name();
        metrics::gauge!(STREAMS_OPEN, "stream" => stream).increment(1);
        Self { _permit: permit, stream }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(STREAMS_OPEN, "stream" => self.stream).decrement(1);
    }
}
