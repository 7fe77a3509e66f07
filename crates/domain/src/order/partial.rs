//! The end of a placement under rules version 2: what holds stock is reserved, the rest is refused.

use events::{
    Event, Millis, Money,
    command::Parameters,
    line::PricedLine,
    order::{OrderPartlyReserved, OrderReserved},
};

use super::{
    LineState, Order,
    answer::{payment_deadline, rejected, total_of},
};

/// What the order becomes once no line waits any more: reserved with all lines or with some of them,
/// or rejected when none holds stock.
pub(super) fn concluded(
    order: &Order,
    states: &[LineState],
    now: Millis,
    parameters: &Parameters,
) -> Event {
    let lines = held(order, states);
    if lines.is_empty() {
        return rejected(order, states).into();
    }
    let total = Money::new(total_of(order, &lines), &order.currency);
    let payment_deadline = payment_deadline(now, parameters);
    let order_id = order.id.clone();
    if lines.len() == order.lines.len() {
        return OrderReserved { order_id, lines, total, payment_deadline }.into();
    }
    // Nothing is given back: what holds stock stays.
    let refused = rejected(order, states).refused;
    OrderPartlyReserved { order_id, lines, refused, total, payment_deadline }.into()
}

/// The lines that hold stock, with their prices.
fn held(order: &Order, states: &[LineState]) -> Vec<PricedLine> {
    let pairs = order.lines.iter().zip(states);
    pairs
        .filter_map(|(line, state)| match state {
            LineState::Held { unit_price } => Some(line.priced(*unit_price)),
            _ => None,
        })
        .collect()
}
