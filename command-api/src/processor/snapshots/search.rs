//! Looks for the snapshot that a shard is restored from, while the other shards work.

use std::{ops::ControlFlow, time::Duration};

use eventlog::{Connection, LogReader, Partition, ReadError, StartError};
use events::{ShardId, Topic};
use shard::{
    processor::Impossible,
    snapshot::{self, Log, Want},
};
use snapshots::{Found, Library, StoreError};
use tokio::{runtime::Handle, sync::oneshot, task};

use crate::processor::witness::{self, WitnessError};

/// Longest silence when one record is read.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Arrives when the search has ended; `None` when there is no usable snapshot.
pub(in crate::processor) type Answer = oneshot::Receiver<Result<Option<Found>, SearchError>>;

/// Why it is not known whether there is a snapshot: ask again.
#[derive(Debug, thiserror::Error)]
pub(in crate::processor) enum SearchError {
    #[error("the snapshots cannot be read: {0}")]
    Store(#[from] StoreError),
    #[error("the log's first records cannot be read: {0}")]
    Log(#[from] ReadError),
    #[error(transparent)]
    Client(#[from] StartError),
    #[error("the search ended without an answer")]
    Broken,
    /// Asking again would not help.
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

impl From<WitnessError> for SearchError {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Log(error) => Self::Log(error),
            WitnessError::Client(error) => Self::Client(error),
            WitnessError::Impossible(impossible) => Self::Impossible(impossible),
        }
    }
}

pub(super) fn begin(
    runtime: &Handle,
    connection: &Connection,
    library: Option<Library>,
    log: Log,
) -> Answer {
    let (answer, receiver) = oneshot::channel();
    if library.is_none() && log.stream_id.is_some() {
        // The receiver is right here.
        let _ = answer.send(Ok(None));
        return receiver;
    }
    let connection = connection.clone();
    runtime.spawn(async move {
        // Nobody waits any more when the shard was given away in between.
        let _ = answer.send(find(connection, library, log).await);
    });
    receiver
}

async fn find(
    connection: Connection,
    library: Option<Library>,
    log: Log,
) -> Result<Option<Found>, SearchError> {
    let (shard, is_whole, is_committed) =
        (log.shard, log.offsets.low == 0, log.stream_id.is_some());
    if let Some(library) = library
        && let Some(found) = find_snapshot(&connection, &library, log).await?
    {
        return Ok(Some(found));
    }
    if is_whole && !is_committed {
        let asked = task::spawn_blocking(move || witness::ask(&connection, shard)).await;
        asked.map_err(|_| SearchError::Broken)??;
    }
    Ok(None)
}

async fn find_snapshot(
    connection: &Connection,
    library: &Library,
    mut log: Log,
) -> Result<Option<Found>, SearchError> {
    if log.needs_first_record() {
        let (connection, shard) = (connection.clone(), log.shard);
        let read = task::spawn_blocking(move || stream_id(&connection, shard)).await;
        log.stream_id = read.map_err(|_| SearchError::Broken)??;
        if log.stream_id.is_none() {
            return Ok(None);
        }
    }
    Ok(library.find(&log, Want::Newest).await?)
}

/// The stream id that the log begins with.
fn stream_id(connection: &Connection, shard: ShardId) -> Result<Option<String>, SearchError> {
    let mut reader = LogReader::open(connection, "spillway-restore")?;
    let partition = Partition::of(Topic::Commands(shard.kind), shard.partition);
    let mut stream_id = None;
    reader.read_to_end(&[(partition, 0)], SILENCE_MAX, |record| {
        stream_id = snapshot::stream_id(record.value().unwrap_or_default());
        ControlFlow::Break(())
    })?;
    Ok(stream_id)
}
