//! Makes a snapshot beside the owner, so that the shard never pauses for one.
//!
//! It replays the log silently from the last snapshot to an offset that the owner has committed.
//! The frontier has reached that offset, so the snapshot may be published as soon as it is made; and
//! the owner's chain is compared there, so that a snapshot is always a second opinion that agrees.

use events::ShardId;

use super::Name;
use crate::{
    Halt, Record, State, format,
    owner::{Commit, Owner},
    processor::{self, Impossible, Offsets},
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
    /// Begins with the newest snapshot that has not passed `until`, else with the start of the log.
    ///
    /// # Errors
    /// There is no beginning, or the state is at `until` already and disagrees with the owner.
    pub fn begin(
        shard: ShardId,
        offsets: Offsets,
        snapshot: Option<State>,
        until: Commit,
    ) -> Result<Self, Impossible> {
        Ok(Self::new(processor::beginning(shard, offsets, snapshot)?, until)?)
    }

    /// Begins with a state.
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
        (self.owner.is_live() && state.next_offset() == self.until).then(|| {
            let right = || Snapshot { name, bytes: format::encode(state) };
            planted!(SnapshotNamedOneTooLow => one_too_low(state); right())
        })
    }
}

/// The state knows everything up to its last record, and says that this record is still to come.
#[cfg(feature = "planted-bugs")]
fn one_too_low(state: &State) -> Snapshot {
    let mut state = state.clone();
    state.next_offset -= 1;
    let name = Name { shard: state.shard(), next_offset: state.next_offset };
    Snapshot { name, bytes: format::encode(&state) }
}
