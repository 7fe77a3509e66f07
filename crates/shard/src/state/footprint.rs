//! About how much memory a state takes, without a walk through it.

use super::State;

/// Bytes beside the parts that are counted.
const EMPTY: usize = 4 << 10;
/// A remembered command with its outcome, and its place in the order of expiry.
const DEDUP: usize = 260;
/// An order of one line, or a product.
const AGGREGATE: usize = 370;
/// A payment that is awaited, or a final order that waits to leave.
const DUE: usize = 100;
/// What is left of an order that has left.
const TOMBSTONE: usize = 45;

pub(super) fn of(state: &State) -> usize {
    EMPTY
        + DEDUP * state.dedup_entries()
        + AGGREGATE * state.live_aggregates()
        + DUE * (state.deadlines.len() + state.retirement.queue.len())
        + TOMBSTONE * state.tombstones()
}
