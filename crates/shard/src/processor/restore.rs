//! Where an ownership begins (PROTOCOL 7): from a snapshot or the start of the log, silent up to the
//! commit.

use events::{
    ShardId,
    header::{self, View},
};

use crate::{
    Chain, Halt, State,
    owner::{Commit, Owner},
};

/// Which offsets a log holds: from `low` up to but not including `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    pub low: i64,
    pub high: i64,
}

/// What the group remembers of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub offset: i64,
    pub metadata: String,
}

/// Why a shard cannot be restored from its log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error(
        "its log begins at offset {low}, and there is no usable snapshot of it from there on: bring \
         back its snapshots or the deleted commands"
    )]
    Truncated { low: i64 },
    #[error(
        "its log ends at offset {high}, but offset {committed} was committed: the log lost its end \
         or was made anew"
    )]
    Shortened { high: i64, committed: i64 },
    #[error(
        "its log is not the one that gave the events beside it: the first of them stems from offset \
         {offset}, where the log has something else or nothing. The topic was made anew, or lost its \
         end; bring its records back, or give them up with `spillway topics apply --begin-anew`"
    )]
    MadeAnew { offset: i64 },
    #[error(transparent)]
    Halt(#[from] Halt),
}

/// The first event that a shard ever wrote, where nothing else is known of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    pub incarnation: i64,
    /// Of the command that gave it.
    pub offset: i64,
    pub chain: Chain,
}

impl Witness {
    /// What a record of the shard's event log testifies; `None` when the shard did not write it.
    pub fn of(shard: ShardId, headers: View<'_>) -> Option<Self> {
        let origin = headers.origin().filter(|origin| origin.shard == shard)?;
        let chain = headers.text(header::CHAIN)?.parse().ok()?;
        Some(Self { incarnation: origin.incarnation, offset: origin.offset, chain })
    }

    /// True once a state, stepped from the start of the log, has taken the command in question.
    pub fn is_reached_by(&self, state: &State) -> bool {
        state.next_offset() > self.offset
    }

    /// Compares it with a state that was stepped from the start of the log to behind that command, or
    /// to the log's end before. In a higher incarnation the past was given up on purpose.
    ///
    /// # Errors
    /// The log is another one.
    pub fn judge(&self, state: &State) -> Result<(), Impossible> {
        let is_given_up = state.incarnation() > self.incarnation;
        let is_same = state.next_offset() == self.offset + 1 && state.chain() == self.chain;
        match is_given_up || is_same {
            true => Ok(()),
            false => Err(Impossible::MadeAnew { offset: self.offset }),
        }
    }
}

/// A new owner, to be fed from its state's next offset on. Without a commit it is live at once: from
/// the snapshot, below which everything is out, else from the start.
pub(super) fn owner(
    shard: ShardId,
    offsets: Offsets,
    committed: Option<&Committed>,
    snapshot: Option<State>,
) -> Result<Owner, Impossible> {
    // A commit that no owner of ours wrote says nothing about what is out: everything is sent
    // again, which readers skip.
    let commit = committed.and_then(|c| Commit::read(c.offset, &c.metadata).ok());
    if let Some(commit) = &commit
        && commit.offset > offsets.high
    {
        return Err(Impossible::Shortened { high: offsets.high, committed: commit.offset });
    }
    let state = planted!(
        NoSilentReplay => begun_at(shard, commit.as_ref());
        beginning(shard, offsets, snapshot)?
    );
    let owner = Owner::new(state, commit)?;
    Ok(planted!(SilentToTheEnd => owner.silent_until(offsets.high); owner))
}

#[cfg(feature = "planted-bugs")]
fn begun_at(shard: ShardId, commit: Option<&Commit>) -> State {
    let mut state = State::new(shard);
    state.next_offset = commit.map_or(0, |commit| commit.offset);
    state
}

/// An owner that sends again whatever the records from `from` on have given (PROTOCOL 8).
pub(super) fn rewound(
    shard: ShardId,
    offsets: Offsets,
    from: i64,
    snapshot: Option<State>,
) -> Result<Owner, Impossible> {
    Ok(Owner::rewound(beginning(shard, offsets, snapshot)?, from))
}

/// What a replay begins with: a snapshot, else the state before the first record.
///
/// # Errors
/// The log has lost its start, and there is no snapshot to go on from.
pub(crate) fn beginning(
    shard: ShardId,
    offsets: Offsets,
    snapshot: Option<State>,
) -> Result<State, Impossible> {
    match snapshot {
        Some(state) => Ok(state),
        None if offsets.low > 0 => Err(Impossible::Truncated { low: offsets.low }),
        None => Ok(State::new(shard)),
    }
}
