//! Owning a shard: the part of the protocol that needs no Kafka (PROTOCOL 3, 4, 7, 12).
//!
//! ```text
//! Replaying --(all below the committed offset is stepped, chains agree)--> Live --(Halt)--> dropped
//! ```
//! While replaying, outputs are made and thrown away: everything below the committed offset is in
//! the log already. Live, every output is sent, and the committed offset follows the frontier.
//! Doubt, revocation and a halt all end an owner; a regained shard gets a new one.

mod commit;
mod frontier;
mod ticker;

pub use commit::{Commit, Unreadable};
use frontier::Frontier;
use ticker::Ticker;

use events::ShardId;

use crate::{Halt, Notice, Output, Record, State, step};

/// Where a shard's owner is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Silent until the state reaches the committed offset.
    Replaying {
        until: i64,
    },
    Live,
}

/// One ownership of one shard.
#[derive(Debug)]
pub struct Owner {
    state: State,
    committed: Option<Commit>,
    phase: Phase,
    frontier: Frontier,
    ticker: Ticker,
}

impl Owner {
    /// Begins with a restored state. Without a commit the owner is live at once: nothing is known
    /// to be out, so everything is sent again.
    pub fn new(state: State, committed: Option<Commit>) -> Result<Self, Halt> {
        let phase = match &committed {
            Some(commit) => Phase::Replaying { until: commit.offset },
            None => Phase::Live,
        };
        let mut owner = Self {
            state,
            committed,
            phase,
            frontier: Frontier::default(),
            ticker: Ticker::default(),
        };
        owner.go_live_when_reached()?;
        Ok(owner)
    }

    /// A planted bug: silent although nothing says that what follows is out.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn silent_until(mut self, offset: i64) -> Self {
        if self.state.next_offset() < offset {
            self.phase = Phase::Replaying { until: offset };
            self.committed = None;
        }
        self
    }

    /// Begins a repair: silent up to `from`, then live. Nobody's commit is compared, because `from`
    /// is a place that the operator names.
    pub fn rewound(state: State, from: i64) -> Self {
        let phase = match state.next_offset() < from {
            true => Phase::Replaying { until: from },
            false => Phase::Live,
        };
        let (frontier, ticker) = (Frontier::default(), Ticker::default());
        Self { state, committed: None, phase, frontier, ticker }
    }

    pub fn shard(&self) -> ShardId {
        self.state.shard()
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Steps the next record. Gives the outputs to send, none while replaying.
    ///
    /// # Errors
    /// A [`Halt`] ends this ownership; nothing of this record may be sent.
    pub fn on_record(
        &mut self,
        record: &Record<'_>,
        monotonic_ms: u64,
    ) -> Result<(Vec<Output>, Vec<Notice>), Halt> {
        // Nothing below the commit is left in the log, whatever the next offset is: a hole may end there.
        if let Phase::Replaying { until } = self.phase
            && record.offset >= until
        {
            self.go_live()?;
        }
        let before = self.is_live().then(|| self.commit_at_next());
        let done = step(&mut self.state, record)?;
        if let Some(before) = before {
            self.ticker.on_record(&self.state, record, monotonic_ms);
            if !done.outputs.is_empty() {
                self.frontier.sent(record.offset, before, done.outputs.len());
            }
            return Ok((done.outputs, done.notices));
        }
        self.go_live_when_reached()?;
        Ok((Vec::new(), Vec::new()))
    }

    /// One output of the record at `offset` is acknowledged.
    pub fn on_acknowledged(&mut self, offset: i64) {
        self.frontier.acknowledged(offset);
    }

    /// What may be committed now: everything before it is out. `None` while replaying, before the
    /// first record, and when nothing changed since the last call that gave something.
    pub fn commit_due(&mut self) -> Option<Commit> {
        if !self.is_live() {
            return None;
        }
        let lowest = planted!(
            CommitBeforeAcknowledgement => None,
            CommitHighestAcknowledged => self.frontier.highest();
            self.frontier.lowest()
        );
        let at = match lowest {
            Some(at) => at.clone(),
            None => self.commit_at_next(),
        };
        let moved = self.committed.as_ref().is_none_or(|last| last.offset < at.offset);
        if !moved || at.stream_id.is_empty() {
            return None;
        }
        self.committed = Some(at.clone());
        Some(at)
    }

    /// What may be committed is due again, though nothing has moved: the last commit may be lost, and
    /// an idle shard would keep that of an earlier owner, or of a stranger, for ever.
    pub fn commit_again(&mut self) {
        if self.is_live() {
            self.committed = None;
        }
    }

    /// A planted bug: where the owner is, which says nothing of its outputs.
    #[cfg(feature = "planted-bugs")]
    pub fn reached(&self) -> Commit {
        self.commit_at_next()
    }

    /// The offset behind everything whose outputs are all acknowledged.
    pub fn frontier(&self) -> i64 {
        self.frontier.lowest().map_or(self.state.next_offset(), |at| at.offset)
    }

    /// Outputs that are sent and not acknowledged.
    pub fn outstanding(&self) -> usize {
        self.frontier.outstanding()
    }

    /// True when a Tick should be appended now; the caller appends it.
    pub fn tick_due(&mut self, monotonic_ms: u64) -> bool {
        self.is_live() && self.ticker.is_due(&self.state, monotonic_ms)
    }

    fn revision(&self) -> i64 {
        self.state.rules().map_or(0, |rules| rules.revision)
    }

    /// What may be committed once everything that was stepped is out.
    fn commit_at_next(&self) -> Commit {
        Commit {
            offset: self.state.next_offset(),
            stream_id: self.state.stream_id().unwrap_or_default().to_owned(),
            revision: self.revision(),
            chain: self.state.chain(),
        }
    }

    fn go_live_when_reached(&mut self) -> Result<(), Halt> {
        match self.phase {
            Phase::Replaying { until } if self.state.next_offset() >= until => self.go_live(),
            _ => Ok(()),
        }
    }

    fn go_live(&mut self) -> Result<(), Halt> {
        // A snapshot beyond the commit has passed it: its own chain was checked when it was made.
        if let Some(commit) = &self.committed
            && self.state.next_offset() <= commit.offset
        {
            commit.check(&self.state)?;
        }
        plant!(DedupOnlyInMemory => self.state.memory = Default::default());
        plant!(MarksOnlyInMemory => self.state.links.marks.clear());
        self.phase = Phase::Live;
        Ok(())
    }
}
