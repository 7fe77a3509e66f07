//! What the tests of this crate share: facts made by hand.

use eventlog::Partition;
use events::{Kind, Topic};

use crate::fact::{Fact, Source, time};

/// Log time of the fact with version 0; each version is one second later.
pub(crate) const BEGAN_MS: i64 = 1_800_000_000_000;

/// A fact as a reader of partition 2 gets it.
pub(crate) fn fact<B>(body: B, version: i64) -> Fact<B> {
    Fact {
        body,
        at: time(BEGAN_MS + 1000 * version).expect("a time"),
        version: Some(version),
        command_id: None,
        source: Source {
            partition: Partition::of(Topic::Events(Kind::Orders), 2),
            offset: 100 + version,
            incarnation: 0,
            link_sequence: 10 + version,
            origin: None,
        },
    }
}
