//! Makes a snapshot beside the owner, so that the shard never pauses for one.
//!
//! It replays the log silently from the last snapshot to an offset that the owner has committed.
//! The frontier has reached that offset, so the snapshot may be published as soon as it is made; and
//! the owner's chain is compared there, so that a snapshot is always a second opinion that agrees.

use super::Name;
use crate::{
    Halt, Record, State, format,
    owner::{Commit, Owner},
};

/// A state on its way to a committed offset.
#[derive(Debug)]
pub struct Recorder {
    owner: Owner,
    until: i64,
}

/// A shard at an offset below which everything is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub name: Name,
    pub bytes: Vec<u8>,
}

impl Recorder {
    /// Begins with a snapshot's state, or with the state before the first record.
    ///
    /// # Errors
    /// The state is at `until` already and disagrees with the owner.
    pub fn new(state: State, until: Commit) -> Result<Self, Halt> {
        let offset = until.offset;
        Ok(Self { owner: Owner::new(state, Some(until))?, until: offset })
    }

    /// Offset of the next record to take.
    pub fn next_offset(&self) -> i64 {
        self.owner.state().next_offset()
    }

    /// True when no more records are to be taken.
    pub fn is_done(&self) -> bool {
        self.owner.is_live()
    }

    /// Steps a record; its outputs are the owner's business.
    ///
    /// # Errors
    /// The log cannot be stepped, or the owner decided differently: nothing may be published.
    pub fn on_record(&mut self, record: &Record<'_>) -> Result<(), Halt> {
        // The ticker, which alone looks at the monotonic clock, sleeps while an owner is silent.
        self.owner.on_record(record, 0).map(|_| ())
    }

    /// The snapshot; `None` before the committed offset is reached, or when the state was beyond it.
    pub fn finish(self) -> Option<Snapshot> {
        let state = self.owner.state();
        let name = Name { shard: state.shard(), next_offset: self.until };
        (self.owner.is_live() && state.next_offset() == self.until)
            .then(|| Snapshot { name, bytes: format::encode(state) })
    }
}
