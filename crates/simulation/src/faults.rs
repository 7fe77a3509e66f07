//! Which faults a seed has, and how often: every seed is another mixture.

use events::command::Parameters;

use crate::random::Random;

/// Chances in a thousand, of each occasion named.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    /// Of each request: lost on its way, refused for now, answered in vain, doubled, late.
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) unanswered: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    /// Of an edge's request: later than the memory of commands reaches.
    pub(crate) very_late: u64,
    /// Of a processor's request: refused for good.
    pub(crate) refused_for_good: u64,
    /// Of each append: it waits for its replicas.
    pub(crate) unreplicated: u64,
    /// Of each turn.
    pub(crate) fail_over: u64,
    pub(crate) forgotten_producer: u64,
    pub(crate) crash: u64,
    pub(crate) pause: u64,
    pub(crate) rebalance: u64,
    pub(crate) edge_crash: u64,
    pub(crate) quiet: u64,
    pub(crate) stray_tick: u64,
    /// Of each commit: lost, or late and so maybe over a newer one.
    pub(crate) commit_lost: u64,
    pub(crate) commit_late: u64,
    /// Of each answer to a caller: it does not arrive.
    pub(crate) answer_lost: u64,
    /// An event partition loses its acknowledged tail, once.
    pub(crate) loses_tail: bool,
    /// How far the clocks of brokers and instances are off, at most.
    pub(crate) clock_ms: i64,
}

impl Faults {
    pub(crate) fn of(random: &mut Random) -> Self {
        let mut some = |high: u64| match random.below(2) {
            0 => 0,
            _ => 1 + random.next() % high,
        };
        Self {
            lost: some(80),
            refused: some(120),
            unanswered: some(80),
            doubled: some(60),
            late: some(80),
            very_late: some(40),
            refused_for_good: some(15),
            unreplicated: some(400),
            fail_over: some(12),
            forgotten_producer: some(8),
            crash: some(8),
            pause: some(10),
            rebalance: some(12),
            edge_crash: some(5),
            quiet: some(4),
            stray_tick: some(10),
            commit_lost: some(300),
            commit_late: some(300),
            answer_lost: some(200),
            loses_tail: random.below(6) == 0,
            clock_ms: if random.below(2) == 0 { 0 } else { random.between(1, 300) },
        }
    }

    /// Everything works from here on.
    pub(crate) fn none() -> Self {
        Self {
            lost: 0,
            refused: 0,
            unanswered: 0,
            doubled: 0,
            late: 0,
            very_late: 0,
            refused_for_good: 0,
            unreplicated: 0,
            fail_over: 0,
            forgotten_producer: 0,
            crash: 0,
            pause: 0,
            rebalance: 0,
            edge_crash: 0,
            quiet: 0,
            stray_tick: 0,
            commit_lost: 0,
            commit_late: 0,
            answer_lost: 0,
            loses_tail: false,
            clock_ms: 0,
        }
    }
}

/// Small windows, so that a run of half a minute passes all of them.
pub(crate) fn parameters(revision: i64) -> Parameters {
    Parameters {
        accept_ms: 3_000,
        skew_ms: 800,
        dedup_ms: 12_000,
        keep_ms: 6_000,
        payment_deadline_ms: if revision == 1 { 2_500 } else { 1_700 },
        expire_max: 2,
        evict_max: 3,
        dedup_entries_max: 1_000_000,
        orders_partitions: 2,
        products_partitions: 2,
        replies_partitions: 2,
        dead_letters_partitions: 1,
    }
}

/// How long a caller may go on repeating a command after the last time that one of its copies is
/// known to have been in time: DEDUP - ACCEPT - SKEW, less the clocks' differences and the time
/// that an edge may take for a second copy. Later repeats may be decided anew.
pub(crate) const REPEAT_MS_MAX: i64 = 5_000;
