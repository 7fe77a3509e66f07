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

/// Those of one shard's snapshots that may go once `written` lies in its place, by the clock `now`.
///
/// Only older ones go. So whatever goes leaves one behind that is newer and was just written whole,
/// even where the newest names hold torn bytes or the states of another log; and a writer that was
/// late removes nothing that it did not know of.
pub fn removable(kept: &[Kept], written: Name, now: Millis, retention: &Retention) -> Vec<Name> {
    let mut newest_first: Vec<&Kept> = kept
        .iter()
        .filter(|kept| kept.name.shard == written.shard && kept.name <= written)
        .collect();
    newest_first.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.name));
    newest_first
        .into_iter()
        .skip(retention.newest.max(1))
        .filter(|kept| now.saturating_sub(kept.written_at) > retention.younger_than_ms)
        .map(|kept| kept.name)
        .collect()
}

/// The offset below which commands may be deleted (PROTOCOL 27): what is committed, verified, and
/// passed by the oldest snapshot that can be begun with. Without a snapshot the log's start is the
/// only beginning that there is.
pub fn expendable_below(low: i64, committed: i64, verified: i64, oldest: Option<i64>) -> i64 {
    let oldest = planted!(ArchivePastTheSnapshots => committed; oldest.unwrap_or(low));
    committed.min(verified).min(oldest).max(low)
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

    fn kept(next_offset: i64, written_at: Millis) -> Kept {
        Kept { name: name(next_offset), written_at, bytes: 1 }
    }

    fn name(next_offset: i64) -> Name {
        Name { shard: ShardId::new(Kind::Orders, 0), next_offset }
    }

    fn gone(kept: &[Kept], written: i64) -> Vec<i64> {
        let retention = Retention { newest: 3, younger_than_ms: 10 };
        let gone = removable(kept, name(written), 100, &retention);
        gone.iter().map(|name| name.next_offset).collect()
    }

    #[test]
    fn the_newest_three_and_all_young_ones_stay() {
        let all = [kept(4, 0), kept(1, 0), kept(3, 0), kept(2, 95), kept(5, 0)];
        assert_eq!(gone(&all, 5), [1]);
        assert_eq!(gone(&all[..3], 4), [0; 0]);
    }

    #[test]
    fn what_lies_beyond_the_written_one_neither_goes_nor_counts() {
        // 7, 8 and 9 may be torn, or of another log: only 4 is known to be whole.
        let all = [1, 2, 3, 4, 7, 8, 9].map(|offset| kept(offset, 0));
        assert_eq!(gone(&all, 4), [1]);
        assert_eq!(gone(&all, 2), [0; 0], "a late writer");
    }

    #[test]
    fn commands_go_below_everything_that_needs_them() {
        assert_eq!(expendable_below(10, 100, 90, Some(80)), 80);
        assert_eq!(expendable_below(10, 100, 70, Some(80)), 70);
        assert_eq!(expendable_below(10, 60, 90, Some(80)), 60);
        assert_eq!(expendable_below(10, 100, 90, None), 10);
        assert_eq!(expendable_below(10, 5, 90, Some(80)), 10);
    }
}
