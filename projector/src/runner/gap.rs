//! What a reader does about an open gap besides waiting for the repair: it looks again.
//!
//! The missing records may lie behind the hint of the checkpoint, if the hint was wrong, so the
//! partition is read again: first from the hint, then once from the oldest record, then from the
//! hint, each time `pause` after the last. A repair appends at the end, and is met anyway.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use events::position::Mark;

use super::start::From;

/// The open gap of one partition, if there is one. Shared by the lanes that follow each other there.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    pause: Duration,
    open: Arc<Mutex<Option<Looking>>>,
}

#[derive(Debug, Clone, Copy)]
struct Looking {
    /// The last record before the gap.
    before: Mark,
    next: Instant,
    times: u32,
}

impl Gap {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, open: Arc::default() }
    }

    /// A record arrived beyond a gap that begins behind `before`. True when the gap is a fresh one.
    pub(super) fn open(&self, before: Mark, now: Instant) -> bool {
        self.with(|open| {
            let is_fresh = open.is_none_or(|looking| looking.before != before);
            if is_fresh {
                *open = Some(Looking { before, next: now, times: 0 });
            }
            is_fresh
        })
    }

    /// When the next look is due; `None` while no gap is open.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.with(|open| open.map(|looking| looking.next))
    }

    /// From where the partition is to be read again now.
    pub(super) fn due(&self, now: Instant) -> Option<From> {
        self.with(|open| {
            let looking = open.as_mut().filter(|looking| looking.next <= now)?;
            looking.next = now + self.pause;
            looking.times = looking.times.saturating_add(1);
            Some(if looking.times == 2 { From::Oldest } else { From::Hint })
        })
    }

    /// A record was accepted. True when it is the one that was missing. The beginning of a step is
    /// accepted anew after each look, and heals nothing.
    pub(super) fn accepted(&self, mark: Mark) -> bool {
        self.with(|open| open.take_if(|looking| mark > looking.before).is_some())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Looking>) -> T) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_looked_into_with_pauses_and_from_the_oldest_record_once() {
        let pause = Duration::from_secs(10);
        let gap = Gap::new(pause);
        let began = Instant::now();
        assert_eq!((gap.due(began), gap.next_look()), (None, None));
        let mark = |link_sequence| Mark { incarnation: 0, link_sequence };
        assert!(gap.open(mark(5), began));
        assert_eq!(gap.due(began), Some(From::Hint));
        assert!(!gap.accepted(mark(5)), "it was there before");
        assert!(!gap.clone().open(mark(5), began), "it is the same gap");
        assert_eq!(gap.due(began + pause / 2), None);
        assert_eq!(gap.next_look(), Some(began + pause));
        assert_eq!(gap.due(began + pause), Some(From::Oldest));
        assert_eq!(gap.due(began + pause * 2), Some(From::Hint));
        assert_eq!(gap.due(began + pause * 3), Some(From::Hint));
        assert!(gap.accepted(mark(6)) && !gap.accepted(mark(7)));
        assert_eq!(gap.due(began + pause * 4), None);
    }
}
