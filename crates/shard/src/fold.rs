//! Folding an event into the state, with everything that follows from it.

use domain::{order, product};
use events::{Event, Kind, Millis};

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
    match state.shard.kind {
        Kind::Orders => Some(evolve_order(state, key, event)),
        Kind::Products => {
            let product = product::evolve(state.products.remove(key), event)
                .unwrap_or_else(|unfit| panic!("decide gave an event that does not fit: {unfit}"));
            let version = product.version;
            state.products.insert(key.to_owned(), product);
            Some(version)
        }
    }
}

fn evolve_order(state: &mut State, key: &str, event: &Event) -> i64 {
    let before = state.orders.remove(key);
    let deadline_before = before.as_ref().and_then(awaited_deadline);
    let settled_before = before.as_ref().is_some_and(order::Order::is_settled);
    let order = order::evolve(before, event)
        .unwrap_or_else(|unfit| panic!("decide gave an event that does not fit: {unfit}"));
    let deadline = awaited_deadline(&order);
    if deadline != deadline_before {
        if let Some(gone) = deadline_before {
            state.deadlines.remove(&(gone, key.to_owned()));
        }
        if let Some(due) = deadline {
            state.deadlines.insert((due, key.to_owned()));
        }
    }
    if order.is_settled() && !settled_before {
        let keep_ms = state.rules().map_or(0, |rules| rules.parameters.keep_ms);
        state.retirement.enqueue(state.now.saturating_add(keep_ms), key);
    }
    let version = order.version;
    state.orders.insert(key.to_owned(), order);
    version
}

fn awaited_deadline(order: &order::Order) -> Option<Millis> {
    (order.status() == order::Status::Reserved).then(|| order.payment_deadline()).flatten()
}
