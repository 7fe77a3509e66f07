//! The memory of client commands: a repeat gets the stored outcome, nothing is decided twice.

use std::collections::BTreeSet;

use events::{Millis, header::ReturnAddress};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// How many waiting copies of one command are answered; older ones are forgotten.
const COPIES_MAX: usize = 4;

/// Client commands by command id, with the order in which the decided ones are forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memory {
    pub(crate) entries: FxHashMap<u128, Entry>,
    expiry: BTreeSet<(Millis, u128)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Hash of the command's bytes: route and body.
    pub(crate) fingerprint: u64,
    pub(crate) outcome: Remembered,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Remembered {
    /// Decided later, by a reservation; never forgotten before. Boxed, because most entries are
    /// decided and should not take the room of one that waits.
    Pending(Box<Pending>),
    Decided {
        /// The outcome as an Avro datum.
        outcome: Box<[u8]>,
        /// Log time at which the entry is forgotten.
        expires: Millis,
    },
}

/// A command that was accepted and not decided yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) command: String,
    pub(crate) caller: String,
    /// Who waits, the oldest first.
    pub(crate) copies: Vec<Copy>,
}

/// One waiting copy of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) partition: i32,
    pub(crate) correlation: u128,
    /// True for every copy but the first.
    pub(crate) replayed: bool,
}

impl Copy {
    pub(crate) fn address(&self) -> ReturnAddress {
        ReturnAddress { partition: self.partition, correlation: self.correlation }
    }
}

/// What the memory says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recall<'a> {
    Unknown,
    /// The same id with another route or body.
    OtherBody,
    Pending,
    /// The stored outcome as an Avro datum.
    Decided(&'a [u8]),
}

impl Memory {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn recall(&self, command_id: u128, fingerprint: u64) -> Recall<'_> {
        match self.entries.get(&command_id) {
            None => Recall::Unknown,
            Some(entry) if entry.fingerprint != fingerprint => Recall::OtherBody,
            Some(entry) => match &entry.outcome {
                Remembered::Pending(_) => Recall::Pending,
                Remembered::Decided { outcome, .. } => Recall::Decided(outcome),
            },
        }
    }

    pub(crate) fn remember_pending(
        &mut self,
        command_id: u128,
        fingerprint: u64,
        pending: Pending,
    ) {
        let outcome = Remembered::Pending(Box::new(pending));
        self.entries.insert(command_id, Entry { fingerprint, outcome });
    }

    pub(crate) fn remember(
        &mut self,
        command_id: u128,
        fingerprint: u64,
        outcome: Vec<u8>,
        expires: Millis,
    ) {
        let outcome = Remembered::Decided { outcome: outcome.into(), expires };
        self.entries.insert(command_id, Entry { fingerprint, outcome });
        self.expiry.insert((expires, command_id));
    }

    /// A copy of a pending command: its address joins the newest ones.
    pub(crate) fn attach(&mut self, command_id: u128, address: ReturnAddress) {
        let Some(Entry { outcome: Remembered::Pending(pending), .. }) =
            self.entries.get_mut(&command_id)
        else {
            return;
        };
        if pending.copies.len() == COPIES_MAX {
            pending.copies.remove(0);
        }
        pending.copies.push(Copy {
            partition: address.partition,
            correlation: address.correlation,
            replayed: true,
        });
    }

    /// A copy of a decided command: the entry lives on from here.
    pub(crate) fn slide(&mut self, command_id: u128, until: Millis) {
        let Some(Entry { outcome: Remembered::Decided { expires, .. }, .. }) =
            self.entries.get_mut(&command_id)
        else {
            return;
        };
        let later = planted!(WindowNotSliding => *expires; until.max(*expires));
        self.expiry.remove(&(*expires, command_id));
        self.expiry.insert((later, command_id));
        *expires = later;
    }

    /// The waiting command, with its fingerprint; `remember` puts the outcome in its place.
    pub(crate) fn pending(&self, command_id: u128) -> Option<(u64, &Pending)> {
        match self.entries.get(&command_id) {
            Some(Entry { fingerprint, outcome: Remembered::Pending(pending) }) => {
                Some((*fingerprint, pending))
            }
            _ => None,
        }
    }

    /// Forgets what expired before `now`, at most `entries_max` entries, the oldest first.
    pub(crate) fn evict(&mut self, now: Millis, entries_max: usize) {
        for _ in 0..entries_max {
            match self.expiry.first() {
                Some((expires, _)) if *expires < now => {}
                _ => return,
            }
            if let Some((_, command_id)) = self.expiry.pop_first() {
                self.entries.remove(&command_id);
            }
        }
    }

    pub(crate) fn from_entries(entries: impl IntoIterator<Item = (u128, Entry)>) -> Self {
        let entries: FxHashMap<u128, Entry> = entries.into_iter().collect();
        let due = |entry: &Entry| match entry.outcome {
            Remembered::Decided { expires, .. } => Some(expires),
            Remembered::Pending(_) => None,
        };
        let expiry = planted!(
            ExpiryNotInTheSnapshot => {
                let latest = entries.values().filter_map(due).max();
                let ids = entries.iter().filter_map(|(id, entry)| due(entry).map(|_| *id));
                ids.map(|id| (latest.unwrap_or(0), id)).collect()
            };
            entries.iter().filter_map(|(id, entry)| Some((due(entry)?, *id))).collect()
        );
        Self { entries, expiry }
    }
}
