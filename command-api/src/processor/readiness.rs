//! When the start of a processor is over, and what `/readyz` says of its shards from then on.
//!
//! A shard on its way to live, or halted, takes no request away from the edge: whoever asks any
//! instance for it waits for the same owner. So the shards hold up a start only, for the sake of a
//! rollout: the next instance is not stopped before the last one has taken its shards over.

use std::time::{Duration, Instant};

use service::health::Condition;
use shard::processor::Census;

/// After this time without a shard, a member that has joined is one too many, not one whose shards
/// are still on their way: the other members' sessions last no longer.
const SPARE_AFTER: Duration = Duration::from_secs(6);

/// The condition `shards`.
#[derive(Debug)]
pub(super) struct Readiness {
    condition: Condition,
    joined_at: Option<Instant>,
    is_started: bool,
}

impl Readiness {
    pub(super) fn new(condition: Condition) -> Self {
        condition.set_unready("joining the group");
        Self { condition, joined_at: None, is_started: false }
    }

    /// The group has said which shards are ours, perhaps none.
    pub(super) fn joined(&mut self) {
        self.joined_at.get_or_insert_with(Instant::now);
    }

    /// `obstacle` says why not every shard is live.
    pub(super) fn observe(&mut self, census: Census, obstacle: Option<String>) {
        let Some(joined_at) = self.joined_at else { return };
        if !self.is_started && is_start_over(census, joined_at.elapsed()) {
            self.is_started = true;
            self.condition.set_ready();
        }
        match obstacle {
            Some(obstacle) => self.condition.set_unready(obstacle),
            None if self.is_started => self.condition.set_ready(),
            None => {}
        }
    }

    pub(super) fn stopping(&self) {
        self.condition.set_unready("stopping");
    }
}

/// Whether a start need wait no longer. A halted shard holds no start up, because the others go on;
/// but an instance that can run none of its shards has probably the wrong binary, and a rollout of
/// it must not go on.
fn is_start_over(census: Census, joined_for: Duration) -> bool {
    match census {
        Census { restoring: 1.., .. } => false,
        Census { live: 1.., .. } => true,
        Census { halted: 1.., .. } => false,
        Census { .. } => joined_for >= SPARE_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(live: usize, restoring: usize, halted: usize, joined_s: u64) -> bool {
        is_start_over(Census { live, restoring, halted }, Duration::from_secs(joined_s))
    }

    #[test]
    fn a_start_waits_for_its_shards_and_not_for_halted_ones_beside_live_ones() {
        assert!(!over(3, 1, 0, 60));
        assert!(over(4, 0, 0, 0));
        assert!(over(3, 0, 1, 0));
    }

    #[test]
    fn a_binary_that_can_run_no_shard_never_ends_its_start() {
        assert!(!over(0, 0, 4, 3_600));
    }

    #[test]
    fn a_member_without_shards_waits_until_none_can_be_on_their_way() {
        assert!(!over(0, 0, 0, 5));
        assert!(over(0, 0, 0, 6));
    }
}
