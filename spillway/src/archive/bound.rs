//! Up to where the commands of one shard may be deleted.

use events::ShardId;
use serde::Serialize;
use shard::snapshot::expendable_below;

use crate::output::Row;

/// Everything that holds commands back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) shard: ShardId,
    /// The first offset that the log still holds.
    pub(super) low: i64,
    /// Everything before it is out.
    pub(super) committed: i64,
    /// The oldest kept snapshot that can be begun with; `None`: there is none.
    pub(super) snapshot: Option<i64>,
    /// The first offset that the report does not cover.
    pub(super) verified: i64,
    /// Where the operator wants to stop.
    pub(super) wanted: Option<i64>,
}

/// What is to go of one shard.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bound {
    #[serde(skip)]
    id: ShardId,
    shard: String,
    low: i64,
    committed: i64,
    snapshot: Option<i64>,
    verified: i64,
    /// Nothing at or above it may ever go now.
    safe: i64,
    /// What is before it goes.
    until: i64,
}

impl Bound {
    pub(super) fn of(limits: Limits) -> Self {
        let Limits { shard, low, committed, snapshot, verified, wanted } = limits;
        let safe = expendable_below(low, committed, verified, snapshot);
        let until = wanted.unwrap_or(safe);
        let (id, shard) = (shard, shard.to_string());
        Self { id, shard, low, committed, snapshot, verified, safe, until }
    }

    pub(super) fn shard(&self) -> ShardId {
        self.id
    }

    pub(super) fn low(&self) -> i64 {
        self.low
    }

    pub(super) fn until(&self) -> i64 {
        self.until
    }

    /// How many offsets go; not all of them need hold a record.
    pub(super) fn records(&self) -> i64 {
        (self.until - self.low).max(0)
    }

    /// Why this may not be done.
    pub(super) fn refusal(&self) -> Option<String> {
        let Self { shard, committed, snapshot, verified, safe, until, .. } = self;
        (until > safe).then(|| {
            let snapshot = snapshot.map_or("no snapshot".to_owned(), |at| format!("snapshot {at}"));
            format!(
                "the commands of {shard} may go up to {safe}, not {until} (committed {committed}, \
                 oldest kept {snapshot}, verified {verified})"
            )
        })
    }
}

impl Row for Bound {
    const HEAD: &'static [&'static str] =
        &["shard", "from", "until", "safe", "committed", "oldest snapshot", "verified"];

    fn cells(&self) -> Vec<String> {
        let numbers = [self.low, self.until, self.safe, self.committed].map(|n| n.to_string());
        let snapshot = self.snapshot.map_or("none".to_owned(), |at| at.to_string());
        let mut cells = vec![self.shard.clone()];
        cells.extend(numbers);
        cells.extend([snapshot, self.verified.to_string()]);
        cells
    }
}

#[cfg(test)]
mod tests {
    use events::Kind;

    use super::*;

    const LIMITS: Limits = Limits {
        shard: ShardId { kind: Kind::Orders, partition: 3 },
        low: 10,
        committed: 100,
        snapshot: Some(80),
        verified: 90,
        wanted: None,
    };

    #[test]
    fn the_lowest_of_all_limits_is_the_bound() {
        assert_eq!(Bound::of(LIMITS).until(), 80);
        assert_eq!(Bound::of(Limits { verified: 70, ..LIMITS }).until(), 70);
        assert_eq!(Bound::of(Limits { committed: 60, ..LIMITS }).until(), 60);
        assert_eq!(Bound::of(Limits { wanted: Some(50), ..LIMITS }).records(), 40);
    }

    #[test]
    fn without_a_snapshot_nothing_goes() {
        let bound = Bound::of(Limits { snapshot: None, ..LIMITS });
        assert_eq!((bound.records(), bound.refusal()), (0, None));
    }

    #[test]
    fn more_than_is_safe_is_refused_with_what_holds_it_back() {
        assert_eq!(Bound::of(Limits { wanted: Some(80), ..LIMITS }).refusal(), None);
        let refusal = Bound::of(Limits { wanted: Some(81), ..LIMITS }).refusal().unwrap();
        assert!(refusal.contains("up to 80, not 81"), "{refusal}");
        assert!(refusal.contains("snapshot 80"), "{refusal}");
    }
}
