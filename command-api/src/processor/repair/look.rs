//! What a repair would do: everything but writing.

use std::{collections::BTreeMap, ops::ControlFlow};

use shard::{processor::Taken, snapshot::Name};
use tokio::runtime::Handle;

use super::{Beginning, Repair, RepairError, SILENCE_MAX};
use crate::processor::record;

/// What a repair would do if no command came meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What the shard is restored from; `None`: the start of its log.
    pub snapshot: Option<Name>,
    /// Offset behind the last command.
    pub until: i64,
    /// Outputs that are written again, by their topic.
    pub outputs: BTreeMap<&'static str, u64>,
}

/// Steps a shard as a repair does, up to the present end of its log, and counts what that gives.
/// Blocks; `runtime` is where snapshots are read.
///
/// # Errors
/// As [`RepairError`] says: those with which a repair ends before it writes.
pub fn look(repair: &Repair, runtime: &Handle) -> Result<Planned, RepairError> {
    let Beginning { shard, partition, mut reader, mut processor, start, snapshot } =
        Beginning::of(repair, runtime)?;
    let mut outputs = BTreeMap::new();
    let mut halted = None;
    let ends = reader.read_to_end(&[(partition, start)], SILENCE_MAX, |read| {
        let headers = read.headers();
        if let Taken::Halted(reason) = processor.record(shard, &record::view(&read, &headers), 0) {
            halted = Some(reason);
            return ControlFlow::Break(());
        }
        while let Some((output, tag)) = processor.front() {
            *outputs.entry(output.topic.name()).or_default() += 1;
            processor.sent();
            processor.acknowledged(tag);
        }
        ControlFlow::Continue(())
    })?;
    match halted {
        Some(reason) => Err(RepairError::Halted(reason)),
        None => Ok(Planned { snapshot, until: ends.first().copied().unwrap_or(start), outputs }),
    }
}
