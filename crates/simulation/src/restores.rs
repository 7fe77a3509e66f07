//! Shards on their way from assigned to live: the offsets are asked for, then a snapshot is looked
//! for, and the log and the snapshots change in between.

use std::collections::BTreeMap;

use events::{ShardId, Topic, header::View};
use shard::{
    State,
    processor::{Committed, Impossible, Offsets, Processor, Witness},
    snapshot::{self, Log, Want},
    step,
};

use crate::{
    broker::Broker,
    group::Group,
    library::{Found, Library},
    node::{offset, record},
    random::Random,
    taker,
};

/// All searches for snapshots.
#[derive(Debug, Default)]
pub(crate) struct Restores {
    searches: BTreeMap<ShardId, Beginning>,
}

/// Where a shard's log and its commit were when the search began.
#[derive(Debug)]
struct Beginning {
    offsets: Offsets,
    committed: Option<Committed>,
}

/// Where a restored shard is to be read from, and how it began.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) shard: ShardId,
    pub(crate) start: i64,
    pub(crate) from_snapshot: bool,
    pub(crate) unfit: u64,
}

impl Restores {
    /// Asks for the offsets of what waits. A planted bug also reads what is not replicated.
    pub(crate) fn begin(
        &mut self,
        processor: &Processor,
        group: &Group,
        offsets: impl Fn(ShardId) -> Offsets,
    ) {
        for shard in processor.unrestored() {
            self.searches.entry(shard).or_insert_with(|| Beginning {
                offsets: offsets(shard),
                committed: group.committed.get(&shard).cloned(),
            });
        }
    }

    /// Ends one search, if there is any.
    ///
    /// # Errors
    /// The shard cannot be restored: nothing in a simulation gives it a reason.
    pub(crate) fn end(
        &mut self,
        processor: &mut Processor,
        broker: &Broker,
        library: &Library,
        random: &mut Random,
    ) -> Result<Option<Restored>, String> {
        let shards: Vec<ShardId> = self.searches.keys().copied().collect();
        let Some(shard) = random.pick(&shards) else { return Ok(None) };
        let Some(beginning) = self.searches.remove(&shard) else { return Ok(None) };
        let Beginning { offsets, committed } = beginning;
        let Found { state, unfit } =
            find(shard, offsets, committed.as_ref(), broker, library, random)?;
        let from_snapshot = state.is_some();
        match processor.restore_from(shard, offsets, committed.as_ref(), state) {
            Ok(start) => Ok(Some(Restored { shard, start, from_snapshot, unfit })),
            // The log was archived while this instance slept, and what it had found is gone. It has
            // lost its membership as well, and is assigned anew.
            Err(Impossible::Truncated { low }) if low < offset(broker.commands(shard).low()) => {
                processor.assigned([shard]);
                Ok(None)
            }
            Err(impossible) => Err(format!("{shard} cannot be restored: {impossible}")),
        }
    }

    pub(crate) fn forget(&mut self, shard: ShardId) {
        self.searches.remove(&shard);
    }

    pub(crate) fn forget_all(&mut self) {
        self.searches.clear();
    }
}

fn find(
    shard: ShardId,
    offsets: Offsets,
    committed: Option<&Committed>,
    broker: &Broker,
    library: &Library,
    random: &mut Random,
) -> Result<Found, String> {
    let mut log = Log::of(shard, offsets, committed);
    let is_committed = log.stream_id.is_some();
    if log.needs_first_record() {
        let first = broker.commands(shard).visible().first();
        log.stream_id = first.and_then(|first| snapshot::stream_id(&first.value));
    }
    let mut found = Found { state: None, unfit: 0 };
    if log.stream_id.is_some() || offsets.low > 0 {
        found = library.find(&log, Want::Newest, Some(random));
    }
    if found.state.is_none() && offsets.low == 0 && !is_committed {
        ask_witness(shard, broker)?;
    }
    Ok(found)
}

/// Compares the log with the first event that lies beside it.
fn ask_witness(shard: ShardId, broker: &Broker) -> Result<(), String> {
    let events = broker.log((Topic::Events(shard.kind), shard.partition)).visible();
    let testify = |stored: &crate::broker::Stored| Witness::of(shard, View(&stored.view()));
    let Some(witness) = events.iter().find_map(testify) else { return Ok(()) };
    let mut state = State::new(shard);
    for (at, stored) in broker.commands(shard).visible().iter().enumerate() {
        if witness.is_reached_by(&state) {
            break;
        }
        let headers = stored.view();
        step(&mut state, &record(offset(at), stored, View(&headers)))
            .map_err(|halt| format!("{shard} halts before its first event: {halt}"))?;
    }
    witness.judge(&state).map_err(|impossible| format!("{shard}: {impossible}"))
}

/// What an instance reads of a command log; a planted bug also reads what is not replicated.
pub(crate) fn offsets(broker: &Broker, shard: ShardId) -> Offsets {
    let log = broker.commands(shard);
    let high = shard::planted!(
        ReadAboveTheHighWatermark => offset(log.all().len());
        offset(log.visible().len())
    );
    Offsets { high, ..taker::offsets(broker, shard) }
}
