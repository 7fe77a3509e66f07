//! What was done left its events once, and what was refused left none.

use std::collections::BTreeMap;

use events::{Event, outcome::Outcome};
use uuid::Uuid;

use super::{STALE_VERSION, Violations};
use crate::faults::{
    evidence::{Evidence, Fact},
    history::{Ask, History},
    wish::Wish,
};

pub(super) fn judge(history: &History, evidence: &Evidence, violations: &mut Violations) {
    // A command's own events are those of its aggregate; what follows in other shards is stock's.
    let mut own: BTreeMap<(Uuid, &str), Vec<&Event>> = BTreeMap::new();
    for Fact { command, event, .. } in &evidence.facts {
        if let Some(command) = command {
            own.entry((*command, event.key())).or_default().push(event);
        }
    }
    for ask in &history.asks {
        let Some(outcome) = evidence.outcomes.get(&ask.command_id) else { continue };
        let left = own.get(&(ask.command_id, ask.wish.aggregate()));
        let left: Vec<&Event> = left
            .into_iter()
            .flatten()
            .copied()
            // The answer to an order that its product shards refuse is keyed by the order too.
            .filter(|event| event.kind() == ask.wish.kind())
            .collect();
        if !is_right(&ask.wish, outcome, &left) || !met_its_condition(ask, outcome, left.len()) {
            violations.add("wrong-effects", format!("{left:?} of {outcome:?}: {ask}"));
        }
    }
}

/// A command with a condition was decided at exactly that version, or refused for another one.
fn met_its_condition(ask: &Ask, outcome: &Outcome, left: usize) -> bool {
    let refused_by_it = outcome.refused().is_some_and(|r| r.code == STALE_VERSION);
    let before = outcome.version - i64::try_from(left).unwrap_or(i64::MAX);
    match ask.if_match {
        Some(version) => (version == before) != refused_by_it,
        None => !refused_by_it,
    }
}

fn is_right(wish: &Wish, outcome: &Outcome, left: &[&Event]) -> bool {
    if let Wish::Place { .. } = wish {
        return placement_is_right(outcome, left);
    }
    if let Some(refusal) = outcome.refused() {
        return match left {
            [] => true,
            // A command that meets a passed deadline lets the order expire.
            [Event::OrderExpired(_)] => refusal.code == "expired",
            _ => false,
        };
    }
    match (wish, left) {
        (Wish::Register { price, .. }, [Event::ProductRegistered(e)]) => e.price.amount == *price,
        (Wish::Receive { reference, pieces, .. }, [Event::StockReceived(e)]) => {
            e.reference == *reference && e.quantity == *pieces
        }
        (Wish::Adjust { pieces, .. }, [Event::StockAdjusted(e)]) => e.quantity == *pieces,
        (Wish::Pay { amount, .. }, [Event::OrderPaid(e)]) => e.amount.amount == *amount,
        (Wish::Ship { .. }, [Event::OrderShipped(_)]) => true,
        (Wish::Cancel { .. }, [Event::OrderCancelled(_)]) => true,
        _ => false,
    }
}

/// A placement is placed once, then reserved once or rejected once.
fn placement_is_right(outcome: &Outcome, left: &[&Event]) -> bool {
    let count = |is: fn(&Event) -> bool| left.iter().filter(|event| is(event)).count();
    let placed = count(|event| matches!(event, Event::OrderPlaced(_)));
    let reserved =
        count(|event| matches!(event, Event::OrderReserved(_) | Event::OrderPartlyReserved(_)));
    let rejected = count(|event| matches!(event, Event::OrderRejected(_)));
    let is_known = |event: &&Event| {
        matches!(
            event,
            Event::OrderPlaced(_)
                | Event::ReservationRecorded(_)
                | Event::OrderReserved(_)
                | Event::OrderPartlyReserved(_)
                | Event::OrderRejected(_)
                | Event::LateReservationReleased(_)
        )
    };
    let fate = if outcome.refused().is_none() { (1, 0) } else { (0, 1) };
    // What an order is reserved without is told to its client.
    let left_out = left.iter().find_map(|event| match event {
        Event::OrderPartlyReserved(e) => Some(&*e.refused),
        _ => None,
    });
    placed == 1
        && (reserved, rejected) == fate
        && left_out.unwrap_or_default() == outcome.left_out()
        && left.iter().all(is_known)
}
