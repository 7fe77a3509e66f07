//! Folding an event into the state, with everything that follows from it.

use domain::order::Status;
use events::{Event, Millis};

use crate::state::State;

/// Folds an event into the state; gives the aggregate's version, if the event has one.
///
/// # Panics
/// When decide gave an event that does not fit its own state: a broken invariant of ours.
pub(crate) fn evolve(state: &mut State, event: &Event) -> Option<i64> {
    if !event.is_versioned() {
        return None;
    }
    let key = event.key();
    let before = Awaited::of(state, key);
    let version = state
        .aggregates
        .evolve(state.shard.kind, event)
        .unwrap_or_else(|unfit| panic!("decide gave an event that does not fit: {unfit}"));
    follow_order(state, key, before);
    Some(version)
}

/// What a shard keeps of an order beside the order itself; nothing of other aggregates.
#[derive(Clone, Copy, Default)]
struct Awaited {
    deadline: Option<Millis>,
    is_settled: bool,
}

impl Awaited {
    fn of(state: &State, key: &str) -> Self {
        let Some(order) = state.aggregates.orders.get(key) else { return Self::default() };
        let deadline = (order.status() == Status::Reserved).then(|| order.payment_deadline());
        Self { deadline: deadline.flatten(), is_settled: order.is_settled() }
    }
}

/// Moves an order's deadline, and its leave, to where its event has moved them.
fn follow_order(state: &mut State, key: &str, before: Awaited) {
    let Awaited { deadline, is_settled } = Awaited::of(state, key);
    let deadline_before = before.deadline;
    if deadline != deadline_before {
        if let Some(gone) = deadline_before {
            state.deadlines.remove(&(gone, key.to_owned()));
        }
        if let Some(due) = deadline {
            state.deadlines.insert((due, key.to_owned()));
        }
    }
    if is_settled && !before.is_settled {
        let keep_ms = state.rules().map_or(0, |rules| rules.parameters.keep_ms);
        state.retirement.enqueue(state.now.saturating_add(keep_ms), key);
    }
}
