//! The answers of product shards to an order.

use std::collections::BTreeSet;

use events::{
    Kind, Millis, Money, ShardId,
    command::{Parameters, RecordReservation},
    line::{LineQuantity, PricedLine, RefusedLine},
    order::{LateReservationReleased, OrderRejected, OrderReserved, ReservationRecorded},
    partitioner::shard_of,
};

use super::{Line, LineState, Order, Status, lines, state::index_of};
use crate::Decision;

/// Takes an answer. The last one reserves or rejects the order *instead of* being recorded; stock
/// held for an order that no longer waits is given back.
///
/// # Panics
/// When the order or a line is unknown: an order stays in the state until its last answer.
pub(crate) fn record(
    order: Option<&Order>,
    answer: &RecordReservation,
    now: Millis,
    parameters: &Parameters,
) -> Decision {
    let order = order.unwrap_or_else(|| {
        panic!(
            "a product shard answers order {}, which is not in the state: it left too early or was \
             never placed",
            answer.order_id
        )
    });
    if !awaits(order, answer) {
        return Decision::nothing();
    }
    let withheld = withheld(order, answer, parameters);
    if order.status != Status::Placed {
        return late(order, answer, withheld);
    }
    let states = after(order, answer, &withheld);
    if states.iter().any(lines::is_waiting) {
        return Decision::event(recorded(answer, withheld));
    }
    match priced(order, &states) {
        Some(lines) => Decision::event(reserved(order, lines, now, parameters)),
        None => Decision::event(rejected(order, &states)),
    }
}

/// False for an answer that was taken before: answers come whole, so one line speaks for all.
fn awaits(order: &Order, answer: &RecordReservation) -> bool {
    numbers(answer).all(|number| {
        let line = order.line(number).unwrap_or_else(|| {
            panic!(
                "a product shard answers line {number} of order {}, which has no such line",
                order.id
            )
        });
        line.state == LineState::Waiting
    })
}

fn numbers(answer: &RecordReservation) -> impl Iterator<Item = i32> {
    let reserved = answer.reserved.iter().map(|line| line.line);
    reserved.chain(answer.refused.iter().map(|line| line.line))
}

/// The lines that a refusal does not name, although their shard was asked for them: it holds all
/// lines of an order or none.
fn withheld(order: &Order, answer: &RecordReservation, parameters: &Parameters) -> Vec<i32> {
    let shard = |sku: &str| shard_of(Kind::Products, sku, parameters.products_partitions);
    let refusing: BTreeSet<ShardId> = answer.refused.iter().map(|line| shard(&line.sku)).collect();
    let refused: BTreeSet<i32> = answer.refused.iter().map(|line| line.line).collect();
    order
        .lines
        .iter()
        .filter(|line| !refused.contains(&line.line) && refusing.contains(&shard(&line.sku)))
        .map(|line| line.line)
        .collect()
}

fn late(order: &Order, answer: &RecordReservation, withheld: Vec<i32>) -> Decision {
    let released: Vec<LineQuantity> = answer
        .reserved
        .iter()
        .filter_map(|reserved| order.line(reserved.line))
        .map(Line::quantity)
        .collect();
    if released.is_empty() {
        return Decision::event(recorded(answer, withheld));
    }
    Decision::event(LateReservationReleased { order_id: order.id.clone(), released })
}

fn recorded(answer: &RecordReservation, withheld: Vec<i32>) -> ReservationRecorded {
    ReservationRecorded {
        order_id: answer.order_id.clone(),
        reserved: answer.reserved.clone(),
        refused: answer.refused.clone(),
        withheld,
    }
}

/// The states of all lines once the answer is taken.
fn after(order: &Order, answer: &RecordReservation, withheld: &[i32]) -> Vec<LineState> {
    let mut states: Vec<LineState> = order.lines.iter().map(|line| line.state.clone()).collect();
    let mut set = |number: i32, state: LineState| {
        if let Some(before) = index_of(number).and_then(|index| states.get_mut(index)) {
            *before = state;
        }
    };
    for line in &answer.reserved {
        let unit_price = line.unit_price;
        set(line.line, LineState::Held { unit_price });
    }
    for line in &answer.refused {
        let (reason, available) = (line.reason.clone(), line.available);
        set(line.line, LineState::Refused { reason, available });
    }
    for &line in withheld {
        set(line, LineState::Withheld);
    }
    states
}

/// All lines with their prices; `None` when one of them holds no stock.
fn priced(order: &Order, states: &[LineState]) -> Option<Vec<PricedLine>> {
    let pairs = order.lines.iter().zip(states);
    pairs
        .map(|(line, state)| match state {
            LineState::Held { unit_price } => Some(PricedLine {
                line: line.line,
                sku: line.sku.clone(),
                quantity: line.quantity,
                unit_price: *unit_price,
            }),
            _ => None,
        })
        .collect()
}

fn reserved(
    order: &Order,
    priced: Vec<PricedLine>,
    now: Millis,
    parameters: &Parameters,
) -> OrderReserved {
    let Some(total) = lines::total(&priced) else {
        // The bounds keep totals below TOTAL_MAX, far inside 64 bits; a test reaches the bound.
        panic!("the total of order {} does not fit 64 bits", order.id)
    };
    OrderReserved {
        order_id: order.id.clone(),
        lines: priced,
        total: Money::new(total, &order.currency),
        payment_deadline: now.saturating_add(parameters.payment_deadline_ms),
    }
}

fn rejected(order: &Order, states: &[LineState]) -> OrderRejected {
    let mut refused = Vec::new();
    let mut released = Vec::new();
    for (line, state) in order.lines.iter().zip(states) {
        match state {
            LineState::Refused { reason, available } => refused.push(RefusedLine {
                line: line.line,
                sku: line.sku.clone(),
                reason: reason.clone(),
                available: *available,
            }),
            LineState::Held { .. } => released.push(line.quantity()),
            LineState::Waiting | LineState::Withheld | LineState::Released | LineState::Shipped => {
            }
        }
    }
    OrderRejected { order_id: order.id.clone(), refused, released }
}
