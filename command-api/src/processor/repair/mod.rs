//! Repair of a gap (PROTOCOL 8): one more owner of a shard, which starts lower.
//!
//! It is restored at or below the gap and writes every output again from there, with a producer of
//! its own. Readers skip what they have and take what they lack. It asks nobody: several owners of
//! one shard harm no one. While it works, the real owner writes too, and may write behind a gap that
//! is not healed yet; such records are discarded by readers and written again here. So it goes on
//! with the log, until every reader's rule, applied to what was written meanwhile, ends without a
//! gap.

mod healing;
mod look;

use std::time::{Duration, Instant};

use eventlog::{
    Connection, GroupView, LogReader, Partition, ReadError, Record, SchemaIds, StartError,
};
use events::{ShardId, Topic};
use shard::{
    owner::Commit,
    processor::{Impossible, Offsets, Processor, Taken},
    snapshot::{Log, Name, Want},
};
use snapshots::{Library, StoreError};
use tokio::runtime::Handle;

use super::{
    outlet::{Outlet, Trouble},
    record,
};
use healing::Healing;
pub use look::{Planned, look};

/// How long a poll waits for a record.
const POLL: Duration = Duration::from_millis(20);
/// Longest silence within a reading.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How often what was written is looked at, once the end of the log is near.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is to be repaired.
#[derive(Debug, Clone)]
pub struct Repair {
    pub connection: Connection,
    /// Consumer group of the processors.
    pub group: String,
    pub client_id: String,
    /// The registry's ids of the event schemas.
    pub schema_ids: SchemaIds,
    pub library: Option<Library>,
    pub shard: ShardId,
    /// Command offset at or below the first output that is missing.
    pub from: i64,
    /// When to give up.
    pub within: Duration,
}

/// A repair that has healed what it could reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What the shard was restored from; `None`: the start of its log.
    pub snapshot: Option<Name>,
    /// Outputs that were written again.
    pub outputs: u64,
    /// Offset of the command up to which they were.
    pub until: i64,
}

/// Why nothing, or not everything, was repaired. Running it again is safe.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error(transparent)]
    Client(#[from] StartError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Snapshots(#[from] StoreError),
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error("there is no shard {shard}: {topic} has {partitions} partitions")]
    NoSuchShard { shard: ShardId, topic: &'static str, partitions: usize },
    #[error("group {group} has committed nothing for {shard}: is --group right?")]
    NothingCommitted { group: String, shard: ShardId },
    #[error(
        "offset {from} is not below {committed}, up to which the shard is out: nothing is missing"
    )]
    NotBelow { from: i64, committed: i64 },
    #[error("the shard cannot be stepped: {0}")]
    Halted(String),
    #[error("the outputs cannot be written: {0}")]
    Unwritten(String),
    #[error(
        "the owner was always ahead for {} s: run it again when there is less load", .0.as_secs()
    )]
    NotHealed(Duration),
}

/// Repairs a shard. Blocks; `runtime` is where snapshots are read.
///
/// # Errors
/// As [`RepairError`] says; what was written until then is harmless.
pub fn run(repair: &Repair, runtime: &Handle) -> Result<Repaired, RepairError> {
    let beginning = Beginning::of(repair, runtime)?;
    let snapshot = beginning.snapshot;
    let mut work = Work::begin(repair, beginning)?;
    let deadline = Instant::now() + repair.within;
    let mut look_at = Instant::now();
    while Instant::now() < deadline {
        work.advance()?;
        if work.is_at_end() && look_at <= Instant::now() {
            if work.is_healed()? {
                let until = work.next_offset();
                return Ok(Repaired { snapshot, outputs: work.outputs, until });
            }
            look_at = Instant::now() + LOOK_EVERY;
        }
    }
    Err(RepairError::NotHealed(repair.within))
}

/// The shard before the first record that is stepped, and who can read its log from there on.
struct Beginning {
    shard: ShardId,
    partition: Partition,
    reader: LogReader,
    processor: Processor,
    /// The offset to read from.
    start: i64,
    snapshot: Option<Name>,
}

impl Beginning {
    fn of(repair: &Repair, runtime: &Handle) -> Result<Self, RepairError> {
        let Repair { shard, from, .. } = *repair;
        let reader = LogReader::open(&repair.connection, &repair.client_id)?;
        let topic = Topic::Commands(shard.kind);
        let partition = Partition::of(topic, shard.partition);
        let partitions = reader.partitions(topic)?;
        if !partitions.contains(&partition) {
            let (topic, partitions) = (topic.name(), partitions.len());
            return Err(RepairError::NoSuchShard { shard, topic, partitions });
        }
        let watermarks = reader.watermarks(&partition)?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let commit = committed(repair, &partition)?;
        let log = Log { shard, offsets, stream_id: Some(commit.stream_id) };
        let found = match &repair.library {
            Some(library) => runtime.block_on(library.find(&log, Want::NewestUpTo(from)))?,
            None => None,
        };
        let snapshot = found.as_ref().map(|found| found.name);
        let mut processor = Processor::default();
        processor.assigned([shard]);
        let start = processor.rewind(shard, offsets, from, found.map(|found| found.state))?;
        Ok(Self { shard, partition, reader, processor, start, snapshot })
    }
}

fn committed(repair: &Repair, partition: &Partition) -> Result<Commit, RepairError> {
    let view = GroupView::open(&repair.connection, &repair.client_id, &repair.group)?;
    let committed = view.committed(std::slice::from_ref(partition))?.pop().flatten();
    let commit = committed.and_then(|c| Commit::read(c.offset, &c.metadata).ok());
    let Some(commit) = commit else {
        let (group, shard) = (repair.group.clone(), repair.shard);
        return Err(RepairError::NothingCommitted { group, shard });
    };
    if repair.from >= commit.offset {
        return Err(RepairError::NotBelow { from: repair.from, committed: commit.offset });
    }
    Ok(commit)
}

struct Work {
    shard: ShardId,
    partition: Partition,
    reader: LogReader,
    processor: Processor,
    outlet: Outlet,
    /// What readers make of it; known once the shard is no longer silent.
    healing: Option<Healing>,
    connection: Connection,
    outputs: u64,
}

impl Work {
    fn begin(repair: &Repair, beginning: Beginning) -> Result<Self, RepairError> {
        let Beginning { shard, partition, mut reader, processor, start, .. } = beginning;
        let ids = repair.schema_ids.clone();
        let outlet = Outlet::open(&repair.connection, &repair.client_id, ids)?;
        reader.start(&partition, start)?;
        let connection = repair.connection.clone();
        let healing = None;
        let mut work =
            Self { shard, partition, reader, processor, outlet, healing, connection, outputs: 0 };
        work.watch()?;
        Ok(work)
    }

    /// Takes the next record, if there is one, and writes what it gave.
    fn advance(&mut self) -> Result<(), RepairError> {
        if !self.processor.is_congested()
            && let Some(record) = self.reader.poll(POLL)?
        {
            self.take(&record)?;
        }
        match self.outlet.work(&mut self.processor) {
            Ok(()) => Ok(()),
            Err(Trouble::Unsendable(reason) | Trouble::Doubt(reason)) => {
                Err(RepairError::Unwritten(reason))
            }
        }
    }

    fn take(&mut self, record: &Record) -> Result<(), RepairError> {
        let headers = record.headers();
        // Ticks are the owner's business, so the monotonic clock is of no use here.
        match self.processor.record(self.shard, &record::view(record, &headers), 0) {
            Taken::Stepped { outputs, .. } => self.outputs += outputs as u64,
            Taken::Halted(reason) => return Err(RepairError::Halted(reason)),
            Taken::NotOurs => {}
        }
        self.watch()
    }

    /// Notes where all target partitions end before the first output is written.
    fn watch(&mut self) -> Result<(), RepairError> {
        if self.healing.is_none()
            && let Some(owner) = self.processor.owner(self.shard)
            && owner.is_live()
        {
            self.healing = Some(Healing::begin(&self.connection, owner.state())?);
        }
        Ok(())
    }

    /// True when all that is written is acknowledged, and the log has nothing more right now.
    fn is_at_end(&self) -> bool {
        self.healing.is_some()
            && self.processor.outstanding() == 0
            && self
                .reader
                .watermarks(&self.partition)
                .is_ok_and(|watermarks| watermarks.high <= self.reached())
    }

    fn is_healed(&mut self) -> Result<bool, RepairError> {
        match &mut self.healing {
            Some(healing) => Ok(healing.is_complete()?),
            None => Ok(false),
        }
    }

    /// Behind the last record, and behind holes that end the log.
    fn reached(&self) -> i64 {
        let position = self.reader.position(&self.partition);
        position.map_or(self.next_offset(), |position| position.max(self.next_offset()))
    }

    fn next_offset(&self) -> i64 {
        self.processor.owner(self.shard).map_or(0, |owner| owner.state().next_offset())
    }
}
