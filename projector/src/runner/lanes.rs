//! The lanes of one runner: one task per partition that is ours.

use std::{collections::BTreeMap, marker::PhantomData, panic::AssertUnwindSafe, time::Duration};

use eventlog::Partition;
use futures::FutureExt as _;
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Context,
    backlog::Backlog,
    gap::Gap,
    lane::{Ask, Given, Lane, Wish},
    start::From,
};
use crate::{link::Link, projection::Projection};

/// Batches that may lie before a lane: the one that it works on is followed by a full one.
const BATCHES_AHEAD: usize = 2;

#[derive(Debug)]
pub(super) struct Lanes<P> {
    context: Context,
    runtime: Handle,
    asks: UnboundedSender<Ask>,
    opened_count: u64,
    open: BTreeMap<Partition, Open>,
    projection: PhantomData<fn() -> P>,
}

/// What the runner knows of a lane.
#[derive(Debug)]
struct Open {
    number: u64,
    /// Where reading is to begin; the lane finds out the checkpoint.
    from: From,
    is_reading: bool,
    is_held: bool,
    inbox: UnboundedSender<Given>,
    backlog: Backlog,
    gap: Gap,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl<P: Projection> Lanes<P> {
    pub(super) fn new(context: Context, runtime: Handle, asks: UnboundedSender<Ask>) -> Self {
        let open = BTreeMap::new();
        Self { context, runtime, asks, opened_count: 0, open, projection: PhantomData }
    }

    /// Opens a lane for a partition, in the place of the one that it has. What that took in and did
    /// not apply is forgotten, and read again.
    pub(super) fn open(&mut self, partition: Partition, from: From) {
        let before = self.open.remove(&partition);
        let gap = before.as_ref().map(|open| open.gap.clone());
        let gap = gap.unwrap_or_else(|| Gap::new(self.context.settings.gap_pause));
        self.opened_count += 1;
        let (inbox, given) = unbounded_channel();
        let (backlog, stop) = (Backlog::default(), CancellationToken::new());
        let lane = Lane {
            context: self.context.clone(),
            partition: partition.clone(),
            number: self.opened_count,
            inbox: given,
            asks: self.asks.clone(),
            backlog: backlog.clone(),
            stop: stop.clone(),
            gap: gap.clone(),
        };
        let (asks, lane_of, number) = (self.asks.clone(), partition.clone(), self.opened_count);
        let ended = self.runtime.spawn(async move {
            // One after the other: so they never wait for each other's locks.
            if let Some(before) = before {
                before.stop.cancel();
                let _ = before.ended.await;
            }
            if AssertUnwindSafe(lane.run::<P>()).catch_unwind().await.is_err() {
                let _ = asks.send(Ask { partition: lane_of, number, wish: Wish::Nothing });
            }
        });
        let (is_reading, is_held) = (false, false);
        let open = Open { number, from, is_reading, is_held, inbox, backlog, gap, stop, ended };
        self.open.insert(partition, open);
    }

    /// The partition is no longer ours.
    pub(super) fn close(&mut self, partition: &Partition) {
        if let Some(open) = self.open.remove(partition) {
            open.stop.cancel();
        }
    }

    /// Ends all lanes, and waits for them up to a bound.
    pub(super) async fn end(&mut self, within: Duration) {
        let open = std::mem::take(&mut self.open);
        open.values().for_each(|open| open.stop.cancel());
        let all = futures::future::join_all(open.into_values().map(|open| open.ended));
        if timeout(within, all).await.is_err() {
            tracing::warn!(projection = P::NAME, "Ending the last batches takes long.");
        }
    }

    /// Whether this is the lane that the partition has now.
    pub(super) fn is_current(&self, partition: &Partition, number: u64) -> bool {
        self.open.get(partition).is_some_and(|open| open.number == number)
    }

    /// Where the partition's lane wants to begin; `None` when there is no lane.
    pub(super) fn from(&self, partition: &Partition) -> Option<From> {
        self.open.get(partition).map(|open| open.from)
    }

    /// Reading has begun at this offset.
    pub(super) fn begun(&mut self, partition: &Partition, offset: i64, link: Link) {
        if let Some(open) = self.open.get_mut(partition) {
            open.is_reading = true;
            open.backlog.begin(offset);
            // A lane that has ended was closed, or has asked to begin anew.
            let _ = open.inbox.send(Given::Begun(link));
        }
    }

    /// Gives a record to its lane. True when that has enough now and must be held back.
    pub(super) fn give(&mut self, partition: &Partition, given: Given) -> bool {
        let Some(open) = self.open.get(partition).filter(|open| open.is_reading) else {
            return false;
        };
        if let Given::Record(record) = &given {
            open.backlog.given(record);
        }
        // A lane that has ended was closed, or has asked to begin anew.
        let _ = open.inbox.send(given);
        !open.is_held && self.is_full(open, BATCHES_AHEAD)
    }

    pub(super) fn set_held(&mut self, partition: &Partition, is_held: bool) {
        if let Some(open) = self.open.get_mut(partition) {
            open.is_held = is_held;
        }
    }

    /// Partitions that are held back although their lane has room.
    pub(super) fn with_room(&self) -> Vec<Partition> {
        let held = self.open.iter().filter(|(_, open)| open.is_held);
        let with_room = held.filter(|(_, open)| !self.is_full(open, BATCHES_AHEAD - 1));
        with_room.map(|(partition, _)| partition.clone()).collect()
    }

    pub(super) fn are_held(&self) -> bool {
        self.open.values().any(|open| open.is_held)
    }

    /// True while a lane is not reading yet, so that its asks come soon.
    pub(super) fn are_waiting(&self) -> bool {
        self.open.values().any(|open| !open.is_reading)
    }

    pub(super) fn reading(&self) -> impl Iterator<Item = (&Partition, &Backlog)> {
        let reading = self.open.iter().filter(|(_, open)| open.is_reading);
        reading.map(|(partition, open)| (partition, &open.backlog))
    }

    pub(super) fn all(&self) -> Vec<Partition> {
        self.open.keys().cloned().collect()
    }

    fn is_full(&self, open: &Open, batches: usize) -> bool {
        let settings = &self.context.settings;
        let (records, bytes) = (settings.batch_records_max, settings.batch_bytes_max);
        open.backlog.is_above(batches.saturating_mul(records), batches.saturating_mul(bytes))
    }
}
