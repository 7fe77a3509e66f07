//! Which faults a seed has, and how often: every seed is another mixture.

use events::command::Parameters;

use crate::random::Random;

/// Chances in a thousand, of each occasion named.
#[derive(Debug, Clone, Default)]
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
    /// Of each partition when replicas catch up: its own do.
    pub(crate) replicated: u64,
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
    /// Of each turn: the group forgets a commit, or somebody else commits.
    pub(crate) commit_forgotten: u64,
    pub(crate) commit_foreign: u64,
    /// Of each snapshot: published late, torn, or its writer dies before it removes old ones.
    pub(crate) snapshot_late: u64,
    pub(crate) snapshot_torn: u64,
    pub(crate) snapshot_unremoved: u64,
    /// Of each turn: a kept snapshot is damaged, or one of another log is put beside it.
    pub(crate) snapshot_damaged: u64,
    pub(crate) snapshot_foreign: u64,
    /// Of each turn: an operator deletes old commands.
    pub(crate) archive: u64,
    /// An event partition loses its acknowledged tail, once.
    pub(crate) loses_tail: bool,
    /// An operator raises the incarnation of every shard.
    pub(crate) raises_incarnation: bool,
    /// How far the clocks of brokers and instances are off, at most.
    pub(crate) clock_ms: i64,
}

impl Faults {
    pub(crate) fn of(random: &mut Random) -> Self {
        let mut some = |high: u64| match random.below(2) {
            0 => 0,
            _ => 1 + random.next() % high,
        };
        let faults = Self {
            lost: some(80),
            refused: some(120),
            unanswered: some(80),
            doubled: some(60),
            late: some(80),
            very_late: some(40),
            refused_for_good: some(15),
            unreplicated: some(400),
            replicated: 1_000 - some(960),
            fail_over: some(30),
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
            commit_forgotten: some(3),
            commit_foreign: some(3),
            snapshot_late: some(400),
            snapshot_torn: some(200),
            snapshot_unremoved: some(500),
            snapshot_damaged: some(6),
            snapshot_foreign: some(4),
            archive: some(10),
            loses_tail: random.below(6) == 0,
            raises_incarnation: random.below(6) == 0,
            clock_ms: if random.below(2) == 0 { 0 } else { random.between(1, 300) },
        };
        faults.without_what_nothing_heals()
    }

    /// Some losses exclude each other, because no rule heals both. Events that are lost can be written
    /// again only while their commands are there, and by the incarnation that wrote them. And where
    /// the log has lost its start and the group its commit, nothing tells snapshots of this log from
    /// those of another.
    fn without_what_nothing_heals(mut self) -> Self {
        if self.loses_tail {
            (self.archive, self.raises_incarnation) = (0, false);
        }
        if self.archive > 0 {
            self.snapshot_foreign = 0;
        }
        self
    }

    /// Everything works from here on.
    pub(crate) fn none() -> Self {
        Self::default()
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
