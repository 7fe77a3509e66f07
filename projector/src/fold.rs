//! Folds a batch in memory: rows that change, letters that die, keys that are parked. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use eventlog::{Partition, Record};
use events::position::Mark;

use crate::{
    fact::{Fact, Poison, class},
    intake::{Arrived, Slice},
    projection::Projection,
};

/// A slice whose records were decoded.
#[derive(Debug)]
pub struct Read<B> {
    pub slice: Slice,
    /// What each accepted record of the slice says, at the same place.
    pub contents: Vec<Content<B>>,
}

/// What a record says, or why it says nothing.
pub type Content<B> = Result<Fact<B>, Poison>;

impl<B> Read<B> {
    /// The accepted records with what they say, in link order.
    pub fn entries(&self) -> impl Iterator<Item = (&Arrived, &Content<B>)> {
        self.slice.accepted.iter().zip(&self.contents)
    }

    /// Log time of the last record that says something.
    pub fn event_time(&self) -> Option<DateTime<Utc>> {
        self.contents.iter().rev().flatten().map(|fact| fact.at).next()
    }
}

/// A record that is not applied, for the table of dead letters.
#[derive(Debug)]
pub struct Letter<'a> {
    /// Absent for a record that is none of ours.
    pub mark: Option<Mark>,
    pub record: &'a Record,
    pub class: &'static str,
    pub message: String,
}

/// A key whose later events wait, with the letter at the head.
#[derive(Debug)]
pub struct ParkedKey<'a> {
    pub key: &'a [u8],
    pub record: &'a Record,
    pub mark: Mark,
}

/// What a batch comes to.
#[derive(Debug)]
pub struct Folded<'a, R> {
    /// Changed rows by key.
    pub rows: BTreeMap<&'a str, R>,
    pub letters: Vec<Letter<'a>>,
    /// Keys that this batch parks.
    pub parked: Vec<ParkedKey<'a>>,
    /// Facts that were applied.
    pub applied_count: u64,
}

/// What stands before a batch.
#[derive(Debug)]
pub struct Before<R> {
    pub rows: BTreeMap<String, R>,
    /// Keys of the batch that are parked already.
    pub parked: KeysByPartition,
}

/// Record keys.
pub type KeysByPartition = HashMap<Partition, HashSet<Vec<u8>>>;

/// Keys whose rows PostgreSQL refused, with what it said.
pub type Unstorable = HashMap<String, String>;

/// Folds a batch, by partition, onto what stands before it.
pub fn fold<'a, P: Projection>(
    batch: &'a [Read<P::Body>],
    before: Before<P::Rows>,
    unstorable: &Unstorable,
) -> Folded<'a, P::Rows> {
    let mut folding = Folding::<P> {
        before: before.rows,
        slots: BTreeMap::new(),
        waiting: before.parked,
        unstorable,
        letters: Vec::new(),
        parked: Vec::new(),
        applied_count: 0,
    };
    for read in batch {
        for (record, reason) in &read.slice.foreign {
            folding.letters.push(Letter {
                mark: None,
                record,
                class: class::FOREIGN_RECORD,
                message: reason.to_string(),
            });
        }
        for (arrived, content) in read.entries() {
            if let Err(poison) = folding.apply(arrived, content) {
                folding.bury(arrived, poison);
            }
        }
    }
    let changed = folding.slots.into_iter().filter(|(_, slot)| slot.is_changed);
    Folded {
        rows: changed.filter_map(|(key, slot)| slot.rows.map(|rows| (key, rows))).collect(),
        letters: folding.letters,
        parked: folding.parked,
        applied_count: folding.applied_count,
    }
}

struct Slot<R> {
    rows: Option<R>,
    is_changed: bool,
}

struct Folding<'a, 'b, P: Projection> {
    before: BTreeMap<String, P::Rows>,
    slots: BTreeMap<&'a str, Slot<P::Rows>>,
    waiting: KeysByPartition,
    unstorable: &'b Unstorable,
    letters: Vec<Letter<'a>>,
    parked: Vec<ParkedKey<'a>>,
    applied_count: u64,
}

impl<'a, P: Projection> Folding<'a, '_, P> {
    fn apply(&mut self, arrived: &Arrived, content: &'a Content<P::Body>) -> Result<(), Poison> {
        if self.is_waiting(&arrived.record) {
            let message = "an earlier event of this key waits";
            return Err(Poison::new(class::PARKED, message));
        }
        let fact = content.as_ref().map_err(Clone::clone)?;
        let Some(key) = P::key(&fact.body) else {
            return Ok(());
        };
        if let Some(message) = self.unstorable.get(key) {
            return Err(Poison::new(class::UNSTORABLE, message));
        }
        let before = &mut self.before;
        let slot = self
            .slots
            .entry(key)
            .or_insert_with(|| Slot { rows: before.remove(key), is_changed: false });
        P::fold(&mut slot.rows, fact)
            .map_err(|unfit| Poison::new(class::UNFIT, unfit.to_string()))?;
        slot.is_changed = true;
        self.applied_count += 1;
        Ok(())
    }

    fn is_waiting(&self, record: &Record) -> bool {
        let keys = self.waiting.get(&record.partition);
        keys.zip(record.key()).is_some_and(|(keys, key)| keys.contains(key))
    }

    /// Makes a letter of a record, and parks its key unless it is parked already. A record without
    /// a key cannot park anything: what it leaves out shows as a version that does not follow.
    fn bury(&mut self, arrived: &'a Arrived, poison: Poison) {
        let record = &arrived.record;
        let mark = arrived.envelope.mark;
        if let Some(key) = record.key() {
            let waiting = self.waiting.entry(record.partition.clone()).or_default();
            if waiting.insert(key.to_vec()) {
                self.parked.push(ParkedKey { record, key, mark });
            }
        }
        self.letters.push(Letter {
            mark: Some(mark),
            record,
            class: poison.class,
            message: poison.message,
        });
    }
}

#[cfg(test)]
mod tests;
