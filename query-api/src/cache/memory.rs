//! The rows in this process, and the rules by which one takes the place of another.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use events::{Position, position::Mark};
use moka::{ops::compute::Op, sync};

use super::{
    Settings,
    row::{Key, Row},
};
use crate::read::checkpoint::Projection;

/// How long it is remembered that a row has changed: a late reader of the shared tier or of a
/// replica may come with the row from before for so long.
const CHANGED_KEPT: Duration = Duration::from_secs(30);

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 256;

/// The rows and what is known about them.
#[derive(Debug)]
pub(super) struct Memory {
    slots: sync::Cache<Key, Slot>,
    eras: [Era; Projection::ALL.len()],
    age: Duration,
    is_on: bool,
}

/// What is known about a key.
#[derive(Debug, Clone)]
enum Slot {
    Row {
        row: Arc<Row>,
        era: u64,
    },
    /// It has changed, and nobody has asked since.
    Changed {
        partition: i32,
        mark: Mark,
        era: u64,
    },
}

/// Time between two moments at which rows of a read model may have changed without their marks.
#[derive(Debug, Default)]
struct Era {
    number: AtomicU64,
    /// The live build; 0 while it is not known.
    generation: AtomicI32,
    /// Until when the shared tier may hold rows from before.
    quiet_until: RwLock<Option<Instant>>,
}

/// What memory knows of a key.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Fresh(Arc<Row>),
    /// A row that is too old, or that does not show what the request has seen.
    Unfit(Why),
    Nothing,
}

/// Why a row that is there does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Stale,
    /// The request's position is ahead of it.
    Request,
}

impl Memory {
    pub(super) fn new(settings: Settings) -> Self {
        let weigh = |key: &Key, slot: &Slot| {
            let body = match slot {
                Slot::Row { row, .. } => row.body.len(),
                Slot::Changed { .. } => 0,
            };
            u32::try_from(ENTRY_BYTES + key.id.len() + body).unwrap_or(u32::MAX)
        };
        let slots = sync::Cache::builder()
            .name("rows")
            .max_capacity(settings.bytes_max)
            .weigher(weigh)
            .time_to_live(settings.age.max(CHANGED_KEPT))
            .build();
        let is_on = settings.bytes_max > 0 && !settings.age.is_zero();
        Self { slots, eras: Default::default(), age: settings.age, is_on }
    }

    /// The row, if it answers a request with these positions.
    pub(super) fn find(&self, key: &Key, positions: &[Position]) -> Found {
        match self.slots.get(key) {
            Some(Slot::Row { row, era }) if self.is_fresh(key, &row, era) => {
                if row.shows(key.projection, positions) {
                    Found::Fresh(row)
                } else {
                    Found::Unfit(Why::Request)
                }
            }
            Some(_) => Found::Unfit(Why::Stale),
            None => Found::Nothing,
        }
    }

    /// Whether a row may be given out and kept: nothing newer is known of it.
    pub(super) fn is_current(&self, key: &Key, row: &Row, era: u64) -> bool {
        if era != self.era(key.projection) {
            return false;
        }
        match self.slots.get(key) {
            Some(slot) => self.may_follow(row, &slot, era),
            None => true,
        }
    }

    /// Keeps a row that was read in an era, unless more is known by now.
    pub(super) fn keep(&self, key: &Key, row: &Arc<Row>, era: u64) {
        if !self.is_on || era != self.era(key.projection) {
            return;
        }
        self.slots.entry_by_ref(key).and_compute_with(|there| match there {
            Some(there) if !self.may_follow(row, there.value(), era) => Op::Nop,
            _ => Op::Put(Slot::Row { row: row.clone(), era }),
        });
    }

    /// Notes that a row has changed. What was read after that stays.
    pub(super) fn changed(&self, key: &Key, partition: i32, mark: Mark) {
        let era = self.era(key.projection);
        self.slots.entry_by_ref(key).and_compute_with(|there| {
            match there.map(|e| e.into_value()) {
                Some(Slot::Row { row, era: of }) if of == era && row.reached(partition, mark) => {
                    Op::Nop
                }
                Some(Slot::Changed { partition: p, mark: known, era: of })
                    if of == era && p == partition && known >= mark =>
                {
                    Op::Nop
                }
                _ => Op::Put(Slot::Changed { partition, mark, era }),
            }
        });
    }

    /// Begins a new era of a read model. The shared tier stays quiet for `quiet`.
    pub(super) fn forget(&self, projection: Projection, generation: Option<i32>, quiet: Duration) {
        let era = &self.eras[projection as usize];
        if let Ok(mut until) = era.quiet_until.write() {
            *until = Some(Instant::now() + quiet);
        }
        if let Some(generation) = generation {
            era.generation.store(generation, Ordering::Release);
        }
        era.number.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn era(&self, projection: Projection) -> u64 {
        self.eras[projection as usize].number.load(Ordering::Acquire)
    }

    /// The build by whose name rows are shared; nothing while it is not known, or while the shared
    /// tier may hold rows from before this era.
    pub(super) fn shared_generation(&self, projection: Projection) -> Option<i32> {
        let era = &self.eras[projection as usize];
        let quiet_until = era.quiet_until.read().ok()?;
        if quiet_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        Some(era.generation.load(Ordering::Acquire)).filter(|generation| *generation > 0)
    }

    /// Learns the live build from a row that was read in an era. Another one than before means that
    /// the notice of the switch was lost.
    pub(super) fn learn(&self, projection: Projection, generation: i32, era: u64, quiet: Duration) {
        if era != self.era(projection) {
            return;
        }
        let known = &self.eras[projection as usize].generation;
        let before = known.swap(generation, Ordering::AcqRel);
        if before != 0 && before != generation {
            self.forget(projection, Some(generation), quiet);
        }
    }

    fn is_fresh(&self, key: &Key, row: &Row, era: u64) -> bool {
        era == self.era(key.projection) && row.read_at.elapsed() < self.age
    }

    /// Whether a row that was read in this era may stand where `there` stands.
    fn may_follow(&self, row: &Row, there: &Slot, era: u64) -> bool {
        match there {
            Slot::Changed { partition, mark, era: of } => {
                *of != era || row.reached(*partition, *mark)
            }
            Slot::Row { row: there, era: of } => {
                *of != era
                    || (row.facts.version, row.facts.mark)
                        >= (there.facts.version, there.facts.mark)
            }
        }
    }
}

#[cfg(test)]
#[path = "memory/tests.rs"]
mod tests;
