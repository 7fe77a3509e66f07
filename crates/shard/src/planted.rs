//! Bugs that a simulation must find. They exist only under the feature `planted-bugs`.
//!
//! At most one is switched on in a thread. Some show only where instances differ: who is stepping
//! is told by [`enter`].

use std::cell::Cell;

use events::Millis;

use crate::rules::Revision;

#[cfg(not(debug_assertions))]
compile_error!("planted bugs are for tests: no release build may contain them");

macro_rules! bugs {
    ($($(#[$text:meta])* $bug:ident,)*) => {
        /// A rule of the protocol, left out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug { $($(#[$text])* $bug,)* }

        impl Bug {
            pub const ALL: &[Bug] = &[$(Bug::$bug),*];
        }
    };
}

bugs! {
    /// Follow-ups are applied as often as they arrive (13).
    NoLinkMarks,
    /// Only a repeat of the very last follow-up is skipped (9).
    LastIdOnly,
    /// The commit runs ahead of the frontier (4).
    CommitBeforeAcknowledgement,
    /// The commit follows the highest acknowledged output (4).
    CommitHighestAcknowledged,
    /// A new owner is silent up to the end of the log (7).
    SilentToTheEnd,
    /// A new owner begins at the commit without the state before it (7).
    NoSilentReplay,
    /// A snapshot is taken where the owner is, not where its outputs are (6).
    SnapshotAheadOfTheFrontier,
    /// A snapshot is named by its last record, not by the next one (6).
    SnapshotNamedOneTooLow,
    /// Commands are deleted that no kept snapshot has passed (27).
    ArchivePastTheSnapshots,
    /// The order of outputs depends on the instance (22).
    MapOrder,
    /// Log time is the owner's clock (11).
    WallClockInStep,
    /// A Tick brings its writer's clock into the log (12).
    TickCarryingAClock,
    /// Log time follows the record's timestamp back (11).
    NoMaxOnLogTime,
    /// Records are stepped before they are replicated (5).
    ReadAboveTheHighWatermark,
    /// Client commands are remembered only by whoever decided them (15).
    DedupOnlyInMemory,
    /// Link marks are known only to whoever moved them (13).
    MarksOnlyInMemory,
    /// A snapshot says what is remembered, not when it is forgotten (6).
    ExpiryNotInTheSnapshot,
    /// A copy of any age is decided (16).
    NoIssuedAt,
    /// A repeat does not prolong the memory (16).
    WindowNotSliding,
    /// Memory is consulted before the age of a copy (15).
    MemoryBeforeAge,
    /// A repeat of a waiting command is never answered (17).
    RepeatWhilePendingDropped,
    /// All instances and lives of the edge count from the same number (19).
    CorrelationReused,
    /// A failed delivery counts as done (3).
    DeliveryErrorIgnored,
    /// A shard's outputs leave through two producers (2).
    TwoProducers,
    /// Five requests in flight, every ok report believed (1).
    FiveInFlight,
    /// What waits in the client library is thrown away with a revoked shard (2).
    PurgeOnRevoke,
    /// A parameter comes from the instance's own configuration (22).
    ParametersNotInTheLog,
    /// One binary panics where another decides, under the same rules version (22).
    PanicFixedWithoutRules,
    /// An old binary goes on past an activation (22).
    OldBinaryIgnoringActivation,
    /// A final order leaves no tombstone (18).
    NoTombstone,
    /// A follow-up does not carry its shard's rules along (22).
    NoRulesOnFollowUps,
    /// Stock that turns out to be held later is kept (14).
    ReleasingHeldLinesOnly,
    /// A reader skips only what equals its mark (9).
    ReaderSkippingEqualOnly,
    /// A reader applies records above a gap (9).
    ReaderApplyingHigher,
    /// Nobody repairs an event partition that lost its tail (8).
    LostTailNotRepaired,
}

/// Who is stepping: what differs between instances and must never matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Instance {
    /// The instance's own clock.
    pub clock: Millis,
    /// It runs the previous binary, with the previous configuration.
    pub is_old: bool,
    /// How its hash maps happen to be ordered.
    pub is_reversed: bool,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static INSTANCE: Cell<Instance> = const {
        Cell::new(Instance { clock: 0, is_old: false, is_reversed: false })
    };
}

/// Switches a bug on in this thread, or all off.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// The bug that is on in this thread.
pub fn current() -> Option<Bug> {
    PLANTED.get()
}

pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// From here on this instance is stepping.
pub fn enter(instance: Instance) {
    INSTANCE.set(instance);
}

pub(crate) fn instance() -> Instance {
    INSTANCE.get()
}

/// The instance's own configuration in place of the log's.
pub(crate) fn configured(mut revision: Revision) -> Revision {
    if instance().is_old {
        revision.parameters.payment_deadline_ms += 250;
    }
    revision
}
