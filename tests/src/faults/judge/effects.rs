//! What was done left its events once, and what was refused left none.

use std::collections::BTreeMap;

use events::{Event, outcome::Outcome};
use uuid::Uuid;

use super::Violations;
use crate::faults::{
    evidence::{Evidence, Fact},
    history::History,
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
        if !is_right(&ask.wish, outcome, &left) {
            violations.add("wrong-effects", format!("{left:?} of {outcome:?}: {ask}"));
        }
    }
}

fn is_right(wish: &Wish, outcome: &Outcome, left: &[&Event]) -> bool {
    if let Wish::Place { .. } = wish {
        return placement_is_right(outcome, left);
    }
    if let Some(refusal) = &outcome.refusal {
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
    let reserved = count(|event| matches!(event, Event::OrderReserved(_)));
    let rejected = count(|event| matches!(event, Event::OrderRejected(_)));
    let is_known = |event: &&Event| {
        matches!(
            event,
            Event::OrderPlaced(_)
                | Event::ReservationRecorded(_)
                | Event::OrderReserved(_)
                | Event::OrderRejected(_)
                | Event::LateReservationReleased(_)
        )
    };
    let fate = if outcome.refusal.is_none() { (1, 0) } else { (0, 1) };
    placed == 1 && (reserved, rejected) == fate && left.iter().all(is_known)
}
