//! The rules in force, followed for the edge: how many commands a shard may remember, and within which
//! log times one is decided.
//!
//! The commits of the processors name the revision that a shard goes by, so a look costs one question to
//! the group. Only when the revision has risen is the log read, up to the record that activates it.

use std::{ops::ControlFlow, time::Duration};

use eventlog::{Connection, GroupView, LogReader, Partition, ReadError, StartError};
use events::{Kind, ShardId, Topic, command::Parameters};
use shard::{
    RulesLog,
    owner::Commit,
    processor::{Committed, Offsets},
    snapshot::{Log, Want},
};
use snapshots::{Library, StoreError};
use tokio::{runtime::Handle, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::{edge::Edge, processor::record};

/// How often the group is asked.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Longest silence when the log is read.
const SILENCE_MAX: Duration = Duration::from_secs(10);
const CLIENT_ID: &str = "command-api-rules";
/// Every shard switches to every revision, so one speaks for all.
const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

/// Why it cannot be told which rules are in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the rules cannot be read from the log: {0}")]
    Read(#[from] ReadError),
    #[error("the log's start was deleted, and the snapshots cannot be read: {0}")]
    Snapshots(#[from] StoreError),
    #[error("the log's start was deleted, and no snapshot tells the rules: pass --snapshots")]
    NoStart,
    #[error("the look was cut short")]
    Cut,
}

/// What was read of the log so far.
pub(crate) struct RulesInForce {
    connection: Connection,
    library: Option<Library>,
    view: GroupView,
    partition: Partition,
    /// The rules up to an offset, once anything was read.
    read: Option<(RulesLog, i64)>,
}

impl RulesInForce {
    /// Needs no broker yet. `group` are the processors.
    pub(crate) fn new(
        connection: &Connection,
        group: &str,
        library: Option<Library>,
    ) -> Result<Self, StartError> {
        let view = GroupView::open(connection, CLIENT_ID, group)?;
        let partition = Partition::of(Topic::Commands(SHARD.kind), SHARD.partition);
        Ok(Self { connection: connection.clone(), library, view, partition, read: None })
    }

    /// Follows the rules for an edge until the stop.
    pub(crate) async fn follow(self, edge: &Edge, stop: CancellationToken) {
        let mut rules = self;
        loop {
            let (back, found) = rules.look(stop.clone()).await;
            match found {
                Ok(Some(parameters)) => edge.go_by(&parameters),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "The edge may go by rules that are no longer in force.");
                }
            }
            let Some(back) = back else { return };
            rules = back;
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// The parameters in force where others are than at the last look. Gives itself back, unless the
    /// look broke.
    async fn look(
        mut self,
        stop: CancellationToken,
    ) -> (Option<Self>, Result<Option<Parameters>, Unknown>) {
        let looking = spawn_blocking(move || {
            let found = self.look_now(&stop);
            (self, found)
        });
        match looking.await {
            Ok((rules, found)) => (Some(rules), found),
            Err(_) => (None, Err(Unknown::Cut)),
        }
    }

    fn look_now(&mut self, stop: &CancellationToken) -> Result<Option<Parameters>, Unknown> {
        let committed = self.view.committed(std::slice::from_ref(&self.partition))?.pop().flatten();
        let committed = committed.map(|c| Committed { offset: c.offset, metadata: c.metadata });
        let commit = committed.as_ref().and_then(|c| Commit::read(c.offset, &c.metadata).ok());
        let Some(commit) = commit else { return Ok(None) };
        let known = self.read.as_ref().map_or(0, |(rules, _)| revision(rules));
        if commit.revision <= known {
            return Ok(None);
        }
        let mut reader = LogReader::open(&self.connection, CLIENT_ID)?;
        let (mut rules, mut next) = match self.read.take() {
            Some(read) => read,
            None => self.beginning(&reader, committed.as_ref())?,
        };
        let read = reader.read_to_end(&[(self.partition.clone(), next)], SILENCE_MAX, |read| {
            if stop.is_cancelled() || revision(&rules) >= commit.revision {
                return ControlFlow::Break(());
            }
            let headers = read.headers();
            rules.read(&record::view(&read, &headers));
            next = read.offset + 1;
            ControlFlow::Continue(())
        });
        let found = (revision(&rules) > known).then(|| rules.active().map(|r| r.parameters));
        self.read = Some((rules, next));
        // What was found counts though the reading broke off behind it: the next look begins there.
        match found.flatten() {
            Some(parameters) => Ok(Some(parameters)),
            None => read.map(|_| None).map_err(Unknown::from),
        }
    }

    /// The start of the log, or the newest snapshot where an operator has deleted that.
    fn beginning(
        &self,
        reader: &LogReader,
        committed: Option<&Committed>,
    ) -> Result<(RulesLog, i64), Unknown> {
        let watermarks = reader.watermarks(&self.partition)?;
        if watermarks.low == 0 {
            return Ok((RulesLog::default(), 0));
        }
        let library = self.library.as_ref().ok_or(Unknown::NoStart)?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let log = Log::of(SHARD, offsets, committed);
        let found = Handle::current().block_on(library.find(&log, Want::Newest))?;
        let state = found.ok_or(Unknown::NoStart)?.state;
        Ok((RulesLog::at(&state), state.next_offset()))
    }
}

fn revision(rules: &RulesLog) -> i64 {
    rules.active().map_or(0, |active| active.revision)
}
