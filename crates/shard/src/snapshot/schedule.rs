//! Which of an instance's shards is to be written down now.
//!
//! ```text
//! a commit ──is_due──> Recorder ──published──> written, and the old ones that may go
//!                         └──── failed ────> left alone for a while
//! ```

use std::collections::BTreeMap;

use events::{Millis, ShardId};

use super::{Kept, Name, Pace, Retention, removable};
use crate::owner::Commit;

/// What is known of the snapshots of the shards that an instance commits.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    retention: Retention,
    /// How long a shard is left alone after a snapshot of it failed.
    rest_ms: Millis,
    last: BTreeMap<ShardId, Last>,
}

/// The newest snapshot of a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    pub next_offset: i64,
    /// Milliseconds since 1970; 0 when there is none.
    pub written_at: Millis,
    /// After a failure; else 0.
    pub not_before: Millis,
}

impl Schedule {
    pub fn new(pace: Pace, retention: Retention, rest_ms: Millis) -> Self {
        Self { pace, retention, rest_ms, last: BTreeMap::new() }
    }

    /// Forgets the shards that others look after: they write there meanwhile.
    pub fn retain(&mut self, is_ours: impl Fn(ShardId) -> bool) {
        self.last.retain(|shard, _| is_ours(*shard));
    }

    pub fn last(&self, shard: ShardId) -> Option<Last> {
        self.last.get(&shard).copied()
    }

    /// What is kept of a shard. The last one is the newest that has not passed the commit: what lies
    /// beyond is of another log, or of another owner who will look after it.
    pub fn found(&mut self, kept: &[Kept], commit: &Commit, shard: ShardId) -> Last {
        let reached =
            |kept: &&Kept| kept.name.shard == shard && kept.name.next_offset <= commit.offset;
        let newest = kept.iter().filter(reached).max_by_key(|kept| kept.name);
        let last = newest.map_or(Last::default(), |kept| Last {
            next_offset: kept.name.next_offset,
            written_at: kept.written_at,
            not_before: 0,
        });
        self.last.insert(shard, last);
        last
    }

    /// True when a shard should be written down at this commit. Everything below a commit is out, so
    /// the snapshot may be published as soon as it is made (PROTOCOL 6).
    pub fn is_due(&self, shard: ShardId, commit: &Commit, now: Millis) -> bool {
        let last = self.last(shard).unwrap_or_default();
        let age_ms = u64::try_from(now.saturating_sub(last.written_at)).unwrap_or(0);
        // A clock that was set back does not prolong the rest.
        let is_resting =
            now < last.not_before && last.not_before <= now.saturating_add(self.rest_ms);
        !is_resting && self.pace.is_due(last.next_offset, age_ms, commit.offset)
    }

    /// The name holds this state, written here or by another instance.
    pub fn written(&mut self, name: Name, now: Millis) {
        let (next_offset, written_at) = (name.next_offset, now);
        self.last.insert(name.shard, Last { next_offset, written_at, not_before: 0 });
    }

    /// There is no new snapshot; the last one stays.
    pub fn failed(&mut self, shard: ShardId, now: Millis) {
        self.last.entry(shard).or_default().not_before = now.saturating_add(self.rest_ms);
    }

    /// Those that may go now that `written` lies in its place.
    pub fn removable(&self, kept: &[Kept], written: Name, now: Millis) -> Vec<Name> {
        removable(kept, written, now, &self.retention)
    }
}

#[cfg(test)]
mod tests {
    use events::Kind;

    use super::*;
    use crate::Chain;

    const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

    fn schedule() -> Schedule {
        Schedule::new(Pace { records: 100, every_ms: 60_000 }, Retention::DEFAULT, 10_000)
    }

    fn commit(offset: i64) -> Commit {
        Commit { offset, stream_id: "s".to_owned(), revision: 1, chain: Chain::default() }
    }

    fn kept(next_offset: i64) -> Kept {
        Kept { name: Name { shard: SHARD, next_offset }, written_at: 5, bytes: 1 }
    }

    #[test]
    fn snapshots_of_a_log_that_is_gone_do_not_hold_up_those_of_its_successor() {
        let mut schedule = schedule();
        let last = schedule.found(&[kept(40), kept(1_000_000)], &commit(140), SHARD);
        assert_eq!(last.next_offset, 40);
        assert!(schedule.is_due(SHARD, &commit(140), 6));
        assert!(!schedule.is_due(SHARD, &commit(139), 6));
    }

    #[test]
    fn a_shard_rests_after_a_failure_and_counts_from_what_was_written() {
        let mut schedule = schedule();
        schedule.found(&[], &commit(500), SHARD);
        schedule.failed(SHARD, 1_000);
        assert!(!schedule.is_due(SHARD, &commit(500), 10_999));
        assert!(schedule.is_due(SHARD, &commit(500), 11_000));
        schedule.written(Name { shard: SHARD, next_offset: 500 }, 11_000);
        assert!(!schedule.is_due(SHARD, &commit(599), 12_000));
        schedule.retain(|_| false);
        assert_eq!(schedule.last(SHARD), None);
    }
}
