//! How one partition is read: exactly once and in whole steps, from a log that repeats.
//!
//! A record is accepted when its mark is exactly the next one. A lower mark is a repeat and skipped.
//! A higher one is a gap: it is discarded, the mark stays, and reading goes on, because the repair
//! emits the missing records again behind it. The checkpoint moves only where a step ends, so a
//! reader that starts there never sees half a step.

use events::position::{Arrival, Mark};

use crate::{chain::Chain, envelope::Envelope};

/// How far one partition has been applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record applied; the end of a step.
    pub mark: Mark,
    /// The chain after that step; absent before the first.
    pub chain: Option<Chain>,
    /// Where to read on: a Kafka offset, which saves reading and is never the truth.
    pub next_offset: i64,
}

/// The reader's state of one partition.
#[derive(Debug, Clone)]
pub struct Link {
    /// The end of the last whole step.
    end: Checkpoint,
    /// The last record accepted; beyond `end` inside a step.
    mark: Mark,
    is_gap_open: bool,
    /// True until the first accepted record when the log's retention took records that were not
    /// read: they are gone for good, so the first record that is left is accepted.
    is_after_loss: bool,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Apply it. `is_after_loss` says that records before it were lost to retention.
    Accept { is_after_loss: bool },
    /// Seen before: skip it.
    Repeat,
    /// Seen before, but the source shard says something else now: skip it and raise the alarm.
    Contradiction,
    /// Records before it are missing: discard it.
    Gap,
}

impl Link {
    pub fn new(checkpoint: Checkpoint) -> Self {
        Self { end: checkpoint, mark: checkpoint.mark, is_gap_open: false, is_after_loss: false }
    }

    /// A link to a log whose retention took records that were not read.
    pub fn after_loss(checkpoint: Checkpoint) -> Self {
        Self { is_after_loss: true, ..Self::new(checkpoint) }
    }

    /// Judges the record at `offset`, and moves on where it says so.
    pub fn arrive(&mut self, envelope: &Envelope, offset: i64) -> Verdict {
        match self.mark.arrival(envelope.mark) {
            Arrival::Next => self.accept(envelope, offset),
            Arrival::Gap if self.is_after_loss => self.accept(envelope, offset),
            Arrival::Gap => {
                self.is_gap_open = true;
                Verdict::Gap
            }
            Arrival::Repeat => {
                self.pass(offset);
                let is_last = envelope.mark == self.end.mark;
                match self.end.chain {
                    Some(chain) if is_last && chain != envelope.chain => Verdict::Contradiction,
                    _ => Verdict::Repeat,
                }
            }
        }
    }

    /// Passes over a record that holds nothing to apply. The offset hint stays in front of an
    /// unfinished step, whose records are only in memory, and of an open gap, so that a restart
    /// raises it again.
    pub fn pass(&mut self, offset: i64) {
        if !self.is_inside_step() && !self.is_gap_open {
            self.end.next_offset = offset + 1;
        }
    }

    /// The end of the last whole step.
    pub fn end(&self) -> Checkpoint {
        self.end
    }

    /// The last record accepted.
    pub fn last(&self) -> Mark {
        self.mark
    }

    /// True while records are missing.
    pub fn is_gap_open(&self) -> bool {
        self.is_gap_open
    }

    /// True while records of a step are accepted and its end is awaited.
    pub fn is_inside_step(&self) -> bool {
        self.mark != self.end.mark
    }

    fn accept(&mut self, envelope: &Envelope, offset: i64) -> Verdict {
        let is_after_loss = self.is_after_loss && self.mark.arrival(envelope.mark) == Arrival::Gap;
        self.is_after_loss = false;
        self.is_gap_open = false;
        self.mark = envelope.mark;
        if envelope.ends_step {
            self.end = Checkpoint {
                mark: envelope.mark,
                chain: Some(envelope.chain),
                next_offset: offset + 1,
            };
        }
        Verdict::Accept { is_after_loss }
    }
}

#[cfg(test)]
mod tests;
