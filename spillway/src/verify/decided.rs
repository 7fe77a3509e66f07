//! Which commands of one shard were decided, and until when none of them may be decided again.

use std::collections::BTreeMap;

use events::Millis;

/// The decisions of one shard so far, by command id.
#[derive(Debug, Default)]
pub(super) struct Decided(BTreeMap<String, Decision>);

#[derive(Debug, Clone, Copy)]
struct Decision {
    offset: i64,
    /// Log time up to which the shard must remember it; a later copy only prolongs it.
    remembered_until: Millis,
}

impl Decided {
    /// Notes that the step at `offset` decided a command at the log time `now`. Gives the offset of
    /// an earlier decision that the shard still had to remember: beyond the memory of idempotency
    /// keys (`dedup_ms`) the same id is another command.
    pub(super) fn note(
        &mut self,
        command: &str,
        offset: i64,
        now: Millis,
        dedup_ms: Millis,
    ) -> Option<i64> {
        let decision = Decision { offset, remembered_until: now.saturating_add(dedup_ms) };
        let earlier = self.0.insert(command.to_owned(), decision)?;
        (now <= earlier.remembered_until).then_some(earlier.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_decision_is_wrong_only_while_the_first_one_is_remembered() {
        let mut decided = Decided::default();
        assert_eq!(decided.note("a", 7, 1_000, 500), None);
        assert_eq!(decided.note("b", 8, 1_000, 500), None);
        assert_eq!(decided.note("a", 9, 1_500, 500), Some(7));
        assert_eq!(decided.note("a", 10, 2_001, 500), None, "the key was forgotten meanwhile");
    }
}
