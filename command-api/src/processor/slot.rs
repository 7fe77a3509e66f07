//! One assigned shard, as this instance sees it.
//!
//! ```text
//! Assigned --offsets known--> Owned --Halt--> Halted
//!     ^                         |
//!     +--------- doubt ---------+
//! ```

use eventlog::Partition;
use shard::owner::Owner;

/// An assigned shard.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) partition: Partition,
    /// Tells the reports of this ownership from those of an earlier one.
    pub(super) ownership: u64,
    pub(super) status: Status,
}

#[derive(Debug)]
pub(super) enum Status {
    /// Ours, and not restored yet.
    Assigned,
    /// Stepping: silently up to the committed offset, then live.
    Owned(Box<Owner>),
    /// Stopped before a record that it must not skip; the sentence says why.
    Halted(String),
}

impl Slot {
    pub(super) fn owner(&mut self) -> Option<&mut Owner> {
        match &mut self.status {
            Status::Owned(owner) => Some(owner),
            Status::Assigned | Status::Halted(_) => None,
        }
    }

    /// Why the instance is not ready because of this shard; `None` when it is live.
    pub(super) fn obstacle(&self) -> Option<String> {
        match &self.status {
            Status::Assigned => Some(format!("{} waits for its offsets", self.partition)),
            Status::Owned(owner) if owner.is_live() => None,
            Status::Owned(owner) => Some(format!(
                "{} is restored up to {}",
                self.partition,
                owner.state().next_offset()
            )),
            Status::Halted(reason) => Some(format!("{} has stopped: {reason}", self.partition)),
        }
    }
}
