//! The second thread: replays a shard to what was committed, and writes the snapshot down.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime},
};

use eventlog::{Connection, LogReader, Partition, ReadError, StartError};
use events::{Millis, ShardId, Topic};
use shard::{
    Halt,
    owner::Commit,
    processor::{Impossible, Offsets},
    snapshot::{Log, Name, Recorder, Schedule, Snapshot, Want},
};
use snapshots::{PublishError, Published, StoreError};
use tokio::{runtime::Handle, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Commits, Settings, metrics};
use crate::processor::record;

/// How often it looks whether a snapshot is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a shard is left alone after a snapshot of it failed.
const REST_MS: Millis = 60_000;
/// Longest silence within a reading.
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub(super) struct Taker {
    connection: Connection,
    settings: Settings,
    commits: watch::Receiver<Commits>,
    runtime: Handle,
    stop: CancellationToken,
    schedule: Schedule,
}

/// Why there is no new snapshot.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Client(#[from] StartError),
    #[error("the replay disagrees or cannot go on: {0}")]
    Halt(#[from] Halt),
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error("the replay did not reach the committed offset")]
    Unreached,
    #[error("the replay panicked")]
    Panicked,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Publish(error.into())
    }
}

impl Taker {
    pub(super) fn new(
        connection: &Connection,
        settings: Settings,
        commits: watch::Receiver<Commits>,
        runtime: Handle,
        stop: CancellationToken,
    ) -> Self {
        let connection = connection.clone();
        let schedule = Schedule::new(settings.pace, settings.retention, REST_MS);
        Self { connection, settings, commits, runtime, stop, schedule }
    }

    /// Works until the stop; a shard at a time, so that at most one is in memory twice.
    pub(super) fn run(mut self) {
        while !self.stop.is_cancelled() {
            let commits = self.commits.borrow().clone();
            self.schedule.retain(|shard| commits.contains_key(&shard));
            for (shard, commit) in commits {
                if self.stop.is_cancelled() {
                    return;
                }
                self.look_after(shard, commit);
            }
            let stop = self.stop.clone();
            // The stop, or the time to look again: both are fine.
            let _ = self.runtime.block_on(async { timeout(LOOK_EVERY, stop.cancelled()).await });
        }
    }

    fn look_after(&mut self, shard: ShardId, commit: Commit) {
        let attempt = AssertUnwindSafe(|| self.take_if_due(shard, commit));
        let failure = match catch_unwind(attempt) {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Panicked,
        };
        metrics::failed(shard, matches!(failure, Failure::Publish(PublishError::Conflict { .. })));
        tracing::error!(%shard, %failure, "No snapshot was taken; the last one stays.");
        self.schedule.failed(shard, now_ms());
    }

    fn take_if_due(&mut self, shard: ShardId, commit: Commit) -> Result<(), Failure> {
        let last = match self.schedule.last(shard) {
            Some(last) => last,
            None => {
                let kept = self.runtime.block_on(self.settings.library.list(shard))?;
                self.schedule.found(&kept, &commit, shard)
            }
        };
        let now = now_ms();
        let age_ms = now.saturating_sub(last.written_at);
        metrics::last(shard, last.next_offset, last.written_at, age_ms);
        if !self.schedule.is_due(shard, &commit, now) {
            return Ok(());
        }
        let began = Instant::now();
        let Some(taken) = self.replay(shard, commit)? else { return Ok(()) };
        let (name, bytes) = (taken.name, taken.bytes.len());
        let published = self.runtime.block_on(self.settings.library.publish(&taken))?;
        tracing::info!(%name, bytes, took = ?began.elapsed(), "A snapshot was taken.");
        metrics::taken(shard, bytes, began.elapsed());
        self.schedule.written(name, now_ms());
        if published == Published::Unusable {
            // Nothing goes: the newest that is whole may be one of the old ones.
            tracing::warn!(%name, "The name of a snapshot is taken by something unusable.");
            return Ok(());
        }
        self.remove_old(name)
    }

    /// The shard at the committed offset; `None` when the stop came first.
    fn replay(&self, shard: ShardId, commit: Commit) -> Result<Option<Snapshot>, Failure> {
        let mut reader = LogReader::open(&self.connection, "spillway-snapshots")?;
        let partition = Partition::of(Topic::Commands(shard.kind), shard.partition);
        let watermarks = reader.watermarks(&partition)?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let log = Log { shard, offsets, stream_id: Some(commit.stream_id.clone()) };
        let want = Want::NewestUpTo(commit.offset);
        let found = self.runtime.block_on(self.settings.library.find(&log, want))?;
        let state = found.map(|found| found.state);
        let mut recorder = Recorder::begin(shard, offsets, state, commit)?;
        let mut halt = None;
        if !recorder.is_done() {
            reader.read_to_end(&[(partition, recorder.next_offset())], SILENCE_MAX, |record| {
                let headers = record.headers();
                halt = recorder.on_record(&record::view(&record, &headers)).err();
                match halt.is_some() || recorder.is_done() || self.stop.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
        }
        match halt {
            Some(halt) => Err(halt.into()),
            None if recorder.is_done() => recorder.finish().map(Some).ok_or(Failure::Unreached),
            None if self.stop.is_cancelled() => Ok(None),
            None => Err(Failure::Unreached),
        }
    }

    fn remove_old(&self, written: Name) -> Result<(), Failure> {
        let library = &self.settings.library;
        let kept = self.runtime.block_on(library.list(written.shard))?;
        for name in self.schedule.removable(&kept, written, now_ms()) {
            tracing::info!(%name, "An old snapshot is removed.");
            self.runtime.block_on(library.remove(name))?;
        }
        Ok(())
    }
}

/// Milliseconds since 1970 by this machine; only for ages, never for decisions of a shard.
fn now_ms() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
