//! The one reader of a projection's changes, for all streams of this process.
//!
//! It reads while anybody listens: when the checkpoints have moved, and now and then in any case,
//! since healed keys move none. A listener is added between two readings, and only then told that it
//! is; what was read before lies in PostgreSQL for it to read itself.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    cursor::Cursor,
    registry::{Change, End, Filter, Queue, Registry},
    sql::{self, Wanted},
};
use crate::{
    position::Tracker,
    read::{
        Database, Error,
        checkpoint::{Marks, Projection},
    },
};

/// The longest time between two readings while somebody listens.
const LOOK: Duration = Duration::from_secs(1);
/// Time after a reading that failed.
const PAUSE: Duration = Duration::from_millis(300);

/// Asks for the changes that a filter lets through, from the next reading on.
#[derive(Debug)]
pub(super) struct Subscribe {
    pub(super) filter: Filter,
    pub(super) changes: mpsc::Sender<Arc<Change>>,
    pub(super) end: Arc<OnceLock<End>>,
    /// Answered once the listener is added, with up to where everything was read and told; dropped
    /// when that cannot be.
    pub(super) added: oneshot::Sender<watch::Receiver<Cursor>>,
}

#[derive(Debug)]
pub(super) struct Hub {
    projection: Projection,
    database: Database,
    tracker: Tracker,
    registry: Registry,
    /// The marks before the last reading.
    seen: Marks,
    /// Up to where everything was read and told; absent while nobody listens.
    read: Option<Cursor>,
    /// The same, for the sessions.
    told: watch::Sender<Cursor>,
}

impl Hub {
    pub(super) fn new(projection: Projection, database: Database, tracker: Tracker) -> Self {
        let (registry, seen) = (Registry::default(), Marks::default());
        let told = watch::Sender::new(Cursor::default());
        Self { projection, database, tracker, registry, seen, read: None, told }
    }

    /// Runs until the stop, which ends all streams.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Subscribe>,
        stop: CancellationToken,
    ) {
        let work = async {
            while self.listen(&mut commands).await {
                // Taken before the look: what moves after it is looked for again.
                self.seen = self.tracker.marks(self.projection);
                self.look().await;
            }
        };
        let _ = stop.run_until_cancelled(work).await;
        self.registry.end_all(End::Stopping);
    }

    /// Takes listeners in until it is time to read. False when nobody can come any more.
    async fn listen(&mut self, commands: &mut mpsc::Receiver<Subscribe>) -> bool {
        self.registry.forget_closed();
        if self.registry.is_empty() {
            self.read = None;
            let Some(command) = commands.recv().await else { return false };
            self.add(command).await;
        }
        let (tracker, seen) = (self.tracker.clone(), self.seen.clone());
        let moved = tracker.moved(self.projection, &[], &seen, Instant::now() + LOOK);
        tokio::pin!(moved);
        loop {
            tokio::select! {
                _ = &mut moved => return true,
                command = commands.recv() => {
                    let Some(command) = command else { return false };
                    self.add(command).await;
                }
            }
        }
    }

    async fn add(&mut self, command: Subscribe) {
        let Subscribe { filter, changes, end, added } = command;
        if self.read.is_none() {
            // The first listener: reading begins here. What came before, it reads itself.
            match self.stand().await {
                Ok(here) => self.read = Some(here),
                Err(error) => {
                    tracing::debug!(%error, "A stream could not begin.");
                    return;
                }
            }
        }
        self.registry.add(filter, Queue { changes, end });
        // A session that is gone already is forgotten with the next look.
        let _ = added.send(self.told.subscribe());
    }

    /// Where the projection is now.
    async fn stand(&self) -> Result<Cursor, Error> {
        // A key that no change has: only the places are wanted.
        let nothing = Wanted { keys: Some(Vec::new()), ..Wanted::default() };
        let start = Cursor::default();
        let behind = sql::behind(&self.database, self.projection, &start, &nothing);
        Ok(behind.await?.read)
    }

    /// Reads and tells everything that is new.
    async fn look(&mut self) {
        loop {
            let Some(read) = &self.read else { return };
            let all = Wanted::default();
            match sql::behind(&self.database, self.projection, read, &all).await {
                Ok(behind) if behind.is_gone => {
                    tracing::warn!(
                        "Changes were deleted before they were read: streams are ended."
                    );
                    self.registry.end_all(End::Gone);
                    return;
                }
                Ok(behind) => {
                    // A reset moves a partition back; sessions know what they have told.
                    let told = behind.read.clone();
                    self.read = Some(behind.read);
                    for change in behind.changes {
                        self.registry.tell(change);
                    }
                    self.told.send_replace(told);
                    if !behind.is_more {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "Changes could not be read; trying on.");
                    sleep(PAUSE).await;
                    return;
                }
            }
        }
    }
}
