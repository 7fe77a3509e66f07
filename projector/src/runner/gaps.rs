//! What a reader does about an open gap besides waiting for the repair: it looks again.
//!
//! The missing records may lie behind the hint of the checkpoint, if the hint was wrong, so the
//! partition is read again: first from the hint, then once from the oldest record, then from the
//! hint, each time `pause` after the last. A repair appends at the end, and is met anyway.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use eventlog::Partition;

use super::start::From;

/// The open gaps of the partitions of one runner.
#[derive(Debug)]
pub(super) struct Gaps {
    pause: Duration,
    open: BTreeMap<Partition, Looking>,
}

#[derive(Debug)]
struct Looking {
    next: Instant,
    times: u32,
}

impl Gaps {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, open: BTreeMap::new() }
    }

    /// A record arrived beyond a gap. True when the gap is a fresh one.
    pub(super) fn open(&mut self, partition: &Partition, now: Instant) -> bool {
        let is_fresh = !self.open.contains_key(partition);
        if is_fresh {
            self.open.insert(partition.clone(), Looking { next: now, times: 0 });
        }
        is_fresh
    }

    /// The partitions that are to be read again now, and from where.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Partition, From)> {
        let due = self.open.iter_mut().filter(|(_, looking)| looking.next <= now);
        due.map(|(partition, looking)| {
            looking.next = now + self.pause;
            looking.times = looking.times.saturating_add(1);
            let from = if looking.times == 2 { From::Oldest } else { From::Hint };
            (partition.clone(), from)
        })
        .collect()
    }

    /// The missing record came, or the partition went to another runner. True when a gap was open.
    pub(super) fn close(&mut self, partition: &Partition) -> bool {
        !self.open.is_empty() && self.open.remove(partition).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_looked_into_with_pauses_and_from_the_oldest_record_once() {
        let pause = Duration::from_secs(10);
        let mut gaps = Gaps::new(pause);
        let partition = Partition::new("t", 0);
        let began = Instant::now();
        let from = |from| vec![(Partition::new("t", 0), from)];
        assert!(gaps.due(began).is_empty());
        assert!(gaps.open(&partition, began));
        assert_eq!(gaps.due(began), from(From::Hint));
        assert!(!gaps.open(&partition, began), "it is the same gap");
        assert!(gaps.due(began + pause / 2).is_empty());
        assert_eq!(gaps.due(began + pause), from(From::Oldest));
        assert_eq!(gaps.due(began + pause * 2), from(From::Hint));
        assert_eq!(gaps.due(began + pause * 3), from(From::Hint));
        assert!(gaps.close(&partition) && !gaps.close(&partition));
        assert!(gaps.due(began + pause * 4).is_empty());
    }
}
