//! What was counted, and what was found wrong.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many violations are told one by one; all are counted.
const TOLD_MAX: usize = 100;

/// The result of a verification.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// True when nothing was found wrong.
    pub(super) ok: bool,
    pub(super) counts: Counts,
    /// What was recomputed of every shard; `spillway archive` deletes nothing beyond it.
    pub(super) verified: Vec<Verified>,
    /// Violations by kind, those included that are not told one by one.
    pub(super) violations_total: BTreeMap<&'static str, u64>,
    pub(super) violations: Vec<Violation>,
}

/// The stretch of one shard that was recomputed.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    /// `orders/3`.
    pub(super) shard: String,
    /// Which log it was.
    pub(super) stream_id: String,
    /// 0, or the offset of the snapshot that it began with.
    pub(super) from: i64,
    /// The first offset that was not recomputed.
    pub(super) until: i64,
}

/// What was looked at.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) shards: u64,
    /// Records of the command log that were stepped again.
    pub(super) records: u64,
    /// Records of the command log behind the committed offsets: their outputs may still be on the
    /// way, so they are left for the next verification.
    pub(super) undecided: u64,
    /// Client commands that were decided, each once.
    pub(super) decided: u64,
    /// Outputs in the logs that equal the recomputed ones byte for byte, by kind.
    pub(super) events: u64,
    pub(super) outcomes: u64,
    pub(super) follow_ups: u64,
    pub(super) replies: u64,
    pub(super) dead_letters: u64,
    /// Outputs that stand in a log again; readers skip them.
    pub(super) repeats: u64,
    /// Outputs of commands that were deleted; what readers make of them is still checked.
    pub(super) earlier: u64,
    /// Outputs behind a hole that a repair has healed since; readers discard them.
    pub(super) discarded: u64,
    /// Records of event, outcome and reply topics that no shard wrote; readers park them.
    pub(super) foreign: u64,
    /// Event prefixes after which stock was conserved and nothing oversold.
    pub(super) prefixes: u64,
    pub(super) products: u64,
    pub(super) orders: u64,
    /// Rows that equal the fold of their events.
    pub(super) rows: u64,
    /// Keys whose rows wait behind a dead letter, and were not compared.
    pub(super) parked: u64,
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Violation {
    pub(super) kind: &'static str,
    /// A partition and offset, a key, or a row.
    pub(super) place: String,
    pub(super) detail: String,
}

impl Report {
    pub(super) fn violation(
        &mut self,
        kind: &'static str,
        place: impl Into<String>,
        detail: impl Into<String>,
    ) {
        *self.violations_total.entry(kind).or_default() += 1;
        if self.violations.len() < TOLD_MAX {
            self.violations.push(Violation { kind, place: place.into(), detail: detail.into() });
        }
    }

    pub(super) fn conclude(mut self) -> Self {
        self.ok = self.violations_total.is_empty();
        self
    }

    /// The table for people.
    pub(super) fn rows(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("shards recomputed", c.shards),
            ("command log records", c.records),
            ("  still undecided", c.undecided),
            ("commands decided once", c.decided),
            ("events equal", c.events),
            ("outcomes equal", c.outcomes),
            ("follow-ups equal", c.follow_ups),
            ("replies equal", c.replies),
            ("command dead letters", c.dead_letters),
            ("repeats skipped", c.repeats),
            ("of deleted commands", c.earlier),
            ("discarded behind healed gaps", c.discarded),
            ("foreign records", c.foreign),
            ("prefixes with stock conserved", c.prefixes),
            ("products", c.products),
            ("orders", c.orders),
            ("rows equal to their fold", c.rows),
            ("keys parked", c.parked),
            ("violations", self.violations_total.values().sum()),
        ]
    }
}
