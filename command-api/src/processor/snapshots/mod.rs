//! Snapshots beside the running shards: looked for when a shard is restored, taken while it works.
//!
//! The processor's thread waits for neither. It asks for a snapshot and goes on; it tells what it
//! has committed, and a second thread replays up to there and writes the snapshot down.

mod metrics;
mod search;
mod taker;

use std::{collections::BTreeMap, io, thread};

use eventlog::Connection;
use events::ShardId;
use shard::{
    owner::Commit,
    snapshot::{Log, Pace, Retention},
};
use snapshots::Library;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

pub(super) use search::{Answer, SearchError};
use taker::Taker;

/// Where snapshots are kept, and how often one is taken.
#[derive(Debug, Clone)]
pub struct Settings {
    pub library: Library,
    pub pace: Pace,
    pub retention: Retention,
}

/// What every shard of this instance has committed last.
type Commits = BTreeMap<ShardId, Commit>;

/// The processor's side of it; without a library there are no snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    connection: Connection,
    library: Option<Library>,
    commits: watch::Sender<Commits>,
    runtime: Handle,
}

impl Snapshots {
    /// Starts the second thread, which ends with `stop`. Must be called within a tokio runtime.
    pub(super) fn start(
        connection: &Connection,
        settings: Option<Settings>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        metrics::describe();
        let (commits, committed) = watch::channel(Commits::new());
        let (runtime, library) = (Handle::current(), settings.as_ref().map(|s| s.library.clone()));
        if let Some(settings) = settings {
            let taker = Taker::new(connection, settings, committed, runtime.clone(), stop);
            thread::Builder::new().name("snapshots".to_owned()).spawn(move || taker.run())?;
        }
        Ok(Self { connection: connection.clone(), library, commits, runtime })
    }

    /// Begins to look for the snapshot that a shard is restored from.
    pub(super) fn search(&self, log: Log) -> Answer {
        search::begin(&self.runtime, &self.connection, self.library.clone(), log)
    }

    /// Everything below this commit is out, so the shard may be written down there.
    pub(super) fn committed(&self, shard: ShardId, commit: &Commit) {
        if self.library.is_some() {
            self.commits.send_modify(|commits| {
                commits.insert(shard, commit.clone());
            });
        }
    }

    /// Another instance looks after the shard from here on.
    pub(super) fn forget(&self, shard: ShardId) {
        self.commits.send_modify(|commits| {
            commits.remove(&shard);
        });
    }
}
