//! One assigned shard.
//!
//! ```text
//! Assigned --offsets known--> Owned --Halt--> Halted
//!     ^                         |
//!     +--------- doubt ---------+
//! ```

use events::ShardId;

use crate::owner::Owner;

#[derive(Debug)]
pub(super) struct Slot {
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

    /// Why the shard is not live; `None` when it is.
    pub(super) fn obstacle(&self, shard: ShardId) -> Option<String> {
        match &self.status {
            Status::Assigned => Some(format!("shard {shard} waits for its offsets")),
            Status::Owned(owner) if owner.is_live() => None,
            Status::Owned(owner) => {
                let at = owner.state().next_offset();
                Some(format!("shard {shard} is being restored and has reached offset {at}"))
            }
            Status::Halted(reason) => Some(format!("shard {shard} has stopped: {reason}")),
        }
    }
}
