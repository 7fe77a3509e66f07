//! The answers of product shards to an order.

use std::collections::BTreeSet;

use events::{
    Event, Kind, Millis, Money, ShardId,
    command::{Parameters, RecordReservation},
    line::{LineQuantity, PricedLine, RefusedLine},
    order::{LateReservationReleased, OrderRejected, OrderReserved, ReservationRecorded},
    partitioner::shard_of,
};

use super::{Line, LineState, Order, Status, lines, partial, state::index_of};
use crate::{Decision, Rules, rules::Version};

/// Takes an answer. The last one reserves or rejects the order *instead of* being recorded, as the
/// rules say; stock held for an order that no longer waits is given back.
///
/// # Panics
/// When the order or a line is unknown: an order stays in the state until its last answer.
pub(crate) fn record(
    order: Option<&Order>,
    answer: &RecordReservation,
    now: Millis,
    rules: &Rules<'_>,
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
    let parameters = rules.parameters;
    let withheld = withheld(order, answer, parameters);
    if order.status != Status::Placed {
        return late(order, answer, withheld);
    }
    let states = after(order, answer, &withheld);
    if states.iter().any(lines::is_waiting) {
        return Decision::event(recorded(answer, withheld));
    }
    Decision::event(match rules.version {
        Version::WholeOrders => concluded(order, &states, now, parameters),
        _ => partial::concluded(order, &states, now, parameters),
    })
}

/// The end of a placement under rules version 1: all lines or none.
fn concluded(order: &Order, states: &[LineState], now: Millis, parameters: &Parameters) -> Event {
    match priced(order, states) {
        Some(lines) => reserved(order, lines, now, parameters).into(),
        None => rejected(order, states).into(),
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

/// The lines that an answer does not name, although their shard was asked for them and refused
/// others: it holds all lines of an order or none. An answer under rules version 2 names all lines,
/// and may come to a shard that has since gone back to version 1.
fn withheld(order: &Order, answer: &RecordReservation, parameters: &Parameters) -> Vec<i32> {
    let shard = |sku: &str| shard_of(Kind::Products, sku, parameters.shards(Kind::Products));
    let refusing: BTreeSet<ShardId> = answer.refused.iter().map(|line| shard(&line.sku)).collect();
    let named: BTreeSet<i32> = numbers(answer).collect();
    order
        .lines
        .iter()
        .filter(|line| !named.contains(&line.line) && refusing.contains(&shard(&line.sku)))
        .map(|line| line.line)
        .collect()
}

/// The refused lines are recorded and the held ones given back; an answer under rules version 2 may
/// hold some lines and refuse others.
fn late(order: &Order, answer: &RecordReservation, withheld: Vec<i32>) -> Decision {
    let released: Vec<LineQuantity> = answer
        .reserved
        .iter()
        .filter_map(|reserved| order.line(reserved.line))
        .map(Line::quantity)
        .collect();
    let mut events = Vec::new();
    if released.is_empty() || !answer.refused.is_empty() {
        let refused = RecordReservation { reserved: Vec::new(), ..answer.clone() };
        events.push(recorded(&refused, withheld).into());
    }
    if !released.is_empty() {
        let order_id = order.id.clone();
        events.push(LateReservationReleased { order_id, released }.into());
    }
    Decision::events(events)
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
            LineState::Held { unit_price } => Some(line.priced(*unit_price)),
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
    OrderReserved {
        order_id: order.id.clone(),
        total: Money::new(total_of(order, &priced), &order.currency),
        lines: priced,
        payment_deadline: payment_deadline(now, parameters),
    }
}

pub(super) fn total_of(order: &Order, priced: &[PricedLine]) -> i64 {
    lines::total(priced).unwrap_or_else(|| {
        // The bounds keep totals below TOTAL_MAX, far inside 64 bits; a test reaches the bound.
        panic!("the total of order {} does not fit 64 bits", order.id)
    })
}

pub(super) fn payment_deadline(now: Millis, parameters: &Parameters) -> Millis {
    now.saturating_add(parameters.payment_deadline_ms)
}

/// Every refused line, and the lines that give their stock back.
pub(super) fn rejected(order: &Order, states: &[LineState]) -> OrderRejected {
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
