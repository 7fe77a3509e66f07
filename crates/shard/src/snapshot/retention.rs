//! When the next snapshot is due, and which old ones may go.

use events::Millis;

use super::Name;

/// How often a shard is written down: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After so many records.
    pub records: i64,
    /// After so long, when there was any record at all.
    pub every_ms: u64,
}

impl Pace {
    /// True when a shard whose last snapshot is at `last`, `age_ms` ago, needs one at `committed`.
    pub fn is_due(&self, last: i64, age_ms: u64, committed: i64) -> bool {
        let records = committed - last;
        records >= self.records || (records > 0 && age_ms >= self.every_ms)
    }
}

/// What is kept at least; everything else may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub newest: usize,
    /// Younger ones stay, however many they are.
    pub younger_than_ms: Millis,
}

impl Retention {
    /// At least three, and all of the last seven days (PROTOCOL 6).
    pub const DEFAULT: Retention =
        Retention { newest: 3, younger_than_ms: 7 * 24 * 60 * 60 * 1000 };
}

/// A snapshot that is kept somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub name: Name,
    /// When it was written, in milliseconds since 1970, by the clock of the place that keeps it.
    pub written_at: Millis,
    pub bytes: u64,
}

/// Those of one shard's snapshots that may go, by the clock `now`.
pub fn removable(kept: &[Kept], now: Millis, retention: &Retention) -> Vec<Name> {
    let mut newest_first: Vec<&Kept> = kept.iter().collect();
    newest_first.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.name));
    newest_first
        .into_iter()
        .skip(retention.newest)
        .filter(|kept| now.saturating_sub(kept.written_at) > retention.younger_than_ms)
        .map(|kept| kept.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use events::{Kind, ShardId};

    use super::*;

    #[test]
    fn a_snapshot_is_due_after_enough_records_or_enough_time_with_any() {
        let pace = Pace { records: 100, every_ms: 60_000 };
        assert!(pace.is_due(0, 0, 100));
        assert!(!pace.is_due(0, 59_999, 99));
        assert!(pace.is_due(0, 60_000, 1));
        assert!(!pace.is_due(7, 60_000, 7));
    }

    #[test]
    fn the_newest_three_and_all_young_ones_stay() {
        let kept = |next_offset: i64, written_at| Kept {
            name: Name { shard: ShardId::new(Kind::Orders, 0), next_offset },
            written_at,
            bytes: 1,
        };
        let retention = Retention { newest: 3, younger_than_ms: 10 };
        let all = [kept(4, 0), kept(1, 0), kept(3, 0), kept(2, 95), kept(5, 0)];
        let gone: Vec<i64> =
            removable(&all, 100, &retention).iter().map(|name| name.next_offset).collect();
        assert_eq!(gone, [1]);
        assert_eq!(removable(&all[..3], 100, &retention), []);
    }
}
