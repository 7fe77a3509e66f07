//! Every rule of the protocol that is left out is noticed: the simulation finds each planted bug.
//!
//! `cargo test -p simulation --features planted-bugs -- --nocapture` prints the seeds.
#![cfg(feature = "planted-bugs")]

use simulation::planted::{Bug, run};

/// So many seeds may pass before a bug is found.
const SEEDS_MAX: u64 = 20_000;

fn find(bug: Bug) {
    for seed in 0..SEEDS_MAX {
        if let Err(violation) = run(seed, bug) {
            println!("{bug:?} is found by seed {seed}: {violation}");
            return;
        }
    }
    panic!("{bug:?} passes {SEEDS_MAX} seeds");
}

macro_rules! found {
    ($($name:ident $bug:ident,)*) => {
        $(
            #[test]
            fn $name() {
                find(Bug::$bug);
            }
        )*

        #[test]
        fn every_bug_has_its_test() {
            assert_eq!(Bug::ALL, &[$(Bug::$bug),*]);
        }
    };
}

found! {
    no_link_marks NoLinkMarks,
    last_id_only LastIdOnly,
    commit_before_acknowledgement CommitBeforeAcknowledgement,
    commit_highest_acknowledged CommitHighestAcknowledged,
    silent_to_the_end_of_the_log SilentToTheEnd,
    no_silent_replay NoSilentReplay,
    snapshot_ahead_of_the_frontier SnapshotAheadOfTheFrontier,
    snapshot_named_one_too_low SnapshotNamedOneTooLow,
    archive_past_the_snapshots ArchivePastTheSnapshots,
    map_order MapOrder,
    wall_clock_in_step WallClockInStep,
    tick_carrying_a_clock TickCarryingAClock,
    no_max_on_log_time NoMaxOnLogTime,
    read_above_the_high_watermark ReadAboveTheHighWatermark,
    deduplication_only_in_memory DedupOnlyInMemory,
    marks_only_in_memory MarksOnlyInMemory,
    expiry_order_not_in_the_snapshot ExpiryNotInTheSnapshot,
    no_issued_at NoIssuedAt,
    window_not_sliding WindowNotSliding,
    memory_before_age MemoryBeforeAge,
    repeat_while_pending_dropped RepeatWhilePendingDropped,
    correlation_reused CorrelationReused,
    delivery_error_ignored DeliveryErrorIgnored,
    two_producers TwoProducers,
    five_in_flight FiveInFlight,
    purge_on_revoke_and_go_on PurgeOnRevoke,
    parameters_not_in_the_log ParametersNotInTheLog,
    panic_fixed_without_a_rules_version PanicFixedWithoutRules,
    old_binary_ignoring_an_activation OldBinaryIgnoringActivation,
    no_tombstone NoTombstone,
    no_rules_on_follow_ups NoRulesOnFollowUps,
    releasing_held_lines_only ReleasingHeldLinesOnly,
    reader_skipping_equal_only ReaderSkippingEqualOnly,
    reader_applying_a_higher_sequence ReaderApplyingHigher,
    lost_tail_not_repaired LostTailNotRepaired,
}
