//! Where the log of a shard begins for whoever reads all of it: with its first record, or, where
//! `spillway archive` has deleted that, with the oldest usable snapshot.

use anyhow::Context as _;
use eventlog::{Connection, GroupView, LogReader, Partition};
use events::{Kind, Topic, command::Parameters};
use shard::{
    State,
    owner::Commit,
    processor::Offsets,
    snapshot::{Log, Want},
};
use snapshots::Library;
use tokio::runtime::Handle;

use crate::{command_log, place::PlaceArgs};

const GROUP: &str = "command-api";

/// What is needed to begin in the middle.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    snapshots: PlaceArgs,
    /// Consumer group of the processors; its commits name the log that a snapshot must be of.
    #[arg(long, env = "COMMAND_GROUP", default_value = GROUP)]
    group: String,
}

impl Default for StartArgs {
    /// Those of a system that says nothing else, which keeps its logs from their first record on.
    fn default() -> Self {
        Self { snapshots: PlaceArgs::default(), group: GROUP.to_owned() }
    }
}

/// The starts of all logs. Its calls block, within a tokio runtime.
#[derive(Debug)]
pub(crate) struct Starts {
    library: Option<Library>,
    group: String,
    view: GroupView,
}

impl StartArgs {
    /// # Errors
    /// A usage error when the snapshots' place cannot be used.
    pub(crate) fn open(&self, connection: &Connection, client_id: &str) -> anyhow::Result<Starts> {
        let library = self.snapshots.open()?;
        let view = GroupView::open(connection, client_id, &self.group)?;
        Ok(Starts { library, group: self.group.clone(), view })
    }
}

impl Starts {
    /// The parameters that the logs begin with; they hold the partition counts, which never change.
    pub(crate) fn parameters(&self, reader: &mut LogReader) -> anyhow::Result<Parameters> {
        first_parameters(reader, self.library.as_ref())
    }

    /// The state before the first record that is left of a shard's log.
    ///
    /// # Errors
    /// The log has lost its start, and no snapshot serves.
    pub(crate) fn state(&self, reader: &LogReader, partition: &Partition) -> anyhow::Result<State> {
        let shard = partition.shard().context("a command partition is a shard")?;
        let watermarks = reader.watermarks(partition)?;
        if watermarks.low == 0 {
            return Ok(State::new(shard));
        }
        let committed = self.view.committed(std::slice::from_ref(partition))?.pop().flatten();
        let commit = committed
            .and_then(|c| Commit::read(c.offset, &c.metadata).ok())
            .with_context(|| format!("group {} has committed nothing for {shard}", self.group))?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        oldest(&Log { shard, offsets, stream_id: Some(commit.stream_id) }, self.library.as_ref())
    }
}

/// The parameters that the log begins with; they hold the partition counts. Where its start was
/// deleted, those of a snapshot: the counts never change.
pub(crate) fn first_parameters(
    reader: &mut LogReader,
    library: Option<&Library>,
) -> anyhow::Result<Parameters> {
    let partition = Partition::of(Topic::Commands(Kind::Orders), 0);
    let watermarks = reader.watermarks(&partition)?;
    if watermarks.low > 0 {
        let shard = partition.shard().context("a command partition is a shard")?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let state = oldest(&Log { shard, offsets, stream_id: None }, library)?;
        return Ok(state.rules().context("a snapshot without rules")?.parameters);
    }
    command_log::first_parameters(reader)
}

/// The oldest snapshot that the log can go on from.
pub(crate) fn oldest(log: &Log, library: Option<&Library>) -> anyhow::Result<State> {
    let (shard, low) = (log.shard, log.offsets.low);
    let library = library.with_context(|| {
        format!("the log of {shard} begins at offset {low}: say where its --snapshots are")
    })?;
    let found = Handle::current().block_on(library.find(log, Want::Oldest))?;
    let found = found.with_context(|| {
        format!(
            "the log of {shard} begins at offset {low}, and {} holds no usable snapshot of it from \
             there on",
            library.location()
        )
    })?;
    Ok(found.state)
}
