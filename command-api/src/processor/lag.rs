//! How far shards are behind the clock: the age of what they step, while there is more of it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use events::{Millis, ShardId};
use shard::owner::Owner;

/// Remembers how far each shard was at the look before.
#[derive(Debug, Default)]
pub(super) struct Lag {
    seen: BTreeMap<ShardId, i64>,
}

impl Lag {
    /// How far a shard is behind now. A shard that stands still has caught up, unless it is held up:
    /// outputs that wait for room hold up its reading.
    pub(super) fn of(&mut self, owner: &Owner, is_held_up: bool) -> Duration {
        let state = owner.state();
        self.since(owner.shard(), state.next_offset(), state.now(), is_held_up, now())
    }

    fn since(
        &mut self,
        shard: ShardId,
        next_offset: i64,
        stepped_at: Millis,
        is_held_up: bool,
        now: Millis,
    ) -> Duration {
        let has_moved = self.seen.insert(shard, next_offset) != Some(next_offset);
        let behind_ms = if has_moved || is_held_up { now - stepped_at } else { 0 };
        Duration::from_millis(u64::try_from(behind_ms).unwrap_or(0))
    }
}

fn now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use events::Kind;

    use super::*;

    #[test]
    fn a_shard_is_behind_while_it_steps_or_is_held_up() {
        let shard = ShardId::new(Kind::Orders, 1);
        let mut lag = Lag::default();
        let mut look = |next, held, now| lag.since(shard, next, 1_000, held, now).as_millis();
        assert_eq!(look(5, false, 1_250), 250);
        assert_eq!(look(5, false, 9_000), 0, "it stands still, so it has caught up");
        assert_eq!(look(5, true, 9_000), 8_000, "it stands still because it must");
        assert_eq!(look(6, false, 900), 0, "the broker's clock is ahead");
    }
}
