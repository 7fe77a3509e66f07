//! Whether a longer window would let through what a shard no longer remembers.
//!
//! A shard forgets a command `dedup_ms` after its last copy, by the rules that are in force then. When a
//! revision lengthens the time in which a copy is taken (`accept_ms`, `skew_ms`), copies of commands
//! that were decided before it count, and those are remembered for as long as the rules of their time
//! said. Shards take such a revision, because what they decide on a log that exists never changes; so the
//! tool does not write it.

use events::{Millis, command::Parameters};

use super::log::ShardRules;

/// Rules that were in force before those of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past {
    /// When others took their place, in log time.
    pub(super) until: Millis,
    pub(super) dedup_ms: Millis,
}

/// Why a shard would decide a repeat twice under these parameters from `now` on; `None` when it would
/// not.
pub(super) fn objection(shard: &ShardRules, then: &Parameters, now: Millis) -> Option<String> {
    let active = shard.rules.active()?.parameters;
    let why = too_short(&active, &shard.past, then, now)?;
    Some(format!("shard {} would not know late repeats any more: {why}", shard.shard))
}

fn too_short(active: &Parameters, past: &[Past], then: &Parameters, now: Millis) -> Option<String> {
    let needed = reach(then);
    if needed <= reach(active) {
        return None;
    }
    if active.dedup_ms < needed {
        return Some(format!(
            "a copy would count for accept_ms + 2 skew_ms = {needed}, and what is decided now is \
             remembered for dedup_ms = {}. Raise dedup_ms alone first, activate that, and lengthen the \
             window after {needed} ms",
            active.dedup_ms
        ));
    }
    let short = |past: &&Past| past.dedup_ms < needed && now.saturating_sub(past.until) <= needed;
    let last = past.iter().filter(short).map(|past| past.until).max()?;
    Some(format!(
        "what was decided before dedup_ms was raised is forgotten early; come back in {} s",
        (last + needed - now) / 1_000 + 1
    ))
}

/// For how long after its decision a copy of a command may still count.
fn reach(parameters: &Parameters) -> Millis {
    parameters.accept_ms.saturating_add(parameters.skew_ms.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use events::profile::Profile;

    use super::*;

    const NOW: Millis = 1_000_000_000;

    #[test]
    fn a_window_grows_only_within_what_is_remembered() {
        let active = Parameters {
            accept_ms: 600_000,
            skew_ms: 30_000,
            dedup_ms: 3_600_000,
            ..Profile::LOCAL.parameters()
        };
        let to = |accept_ms, dedup_ms| Parameters { accept_ms, dedup_ms, ..active };
        let refused =
            |now: &Parameters, past: &[Past], then: Parameters| too_short(now, past, &then, NOW);
        assert_eq!(refused(&active, &[], to(3_540_000, 3_600_000)), None, "just within");
        let both = refused(&active, &[], to(7_200_000, 9_000_000)).expect("raised at once");
        assert!(both.contains("= 7260000") && both.contains("dedup_ms = 3600000"), "{both}");
        assert_eq!(refused(&active, &[], to(600_000, 900_000)), None, "a shorter memory alone");

        // Raised alone, and the window only when the last short memory has lost its meaning.
        let (raised, then) = (to(600_000, 9_000_000), to(7_200_000, 9_000_000));
        let past = |until| [Past { until, dedup_ms: active.dedup_ms }];
        assert_eq!(refused(&active, &[], raised), None);
        let early = refused(&raised, &past(NOW - 7_000_000), then).expect("too early");
        assert!(early.contains("in 261 s"), "{early}");
        assert_eq!(refused(&raised, &past(NOW - 7_260_001), then), None);
    }
}
