//! The commands on orders: what answers each of them, and which bounds a client's must keep.

use events::{
    Command, Millis,
    command::{PayOrder, PlaceOrder},
    line::OrderLine,
};

use super::answer;
use crate::{
    Aggregates, Decision, Rules,
    bounds::{Found, LINES_MAX, TOTAL_MAX},
    decide::foreign,
};

pub(crate) fn decide(
    aggregates: &Aggregates,
    command: &Command,
    now: Millis,
    rules: &Rules<'_>,
) -> Decision {
    let order = command.key().and_then(|id| aggregates.orders.get(id));
    match command {
        Command::PlaceOrder(c) => super::decide::place(order, c, now),
        Command::PayOrder(c) => super::decide::pay(order, c, now),
        Command::CancelOrder(c) => super::decide::cancel(order, c, now),
        Command::ShipOrder(c) => super::decide::ship(order, c, now),
        Command::RecordReservation(c) => answer::record(order, c, now, rules),
        other => foreign(other),
    }
}

pub(crate) fn check(found: &mut Found, command: &Command) {
    match command {
        Command::PlaceOrder(c) => place(found, c),
        Command::PayOrder(c) => pay(found, c),
        Command::CancelOrder(c) => {
            found.identifier(format_args!("/order_id"), &c.order_id);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::ShipOrder(c) => {
            found.identifier(format_args!("/order_id"), &c.order_id);
            found.identifier(format_args!("/reference"), &c.reference);
        }
        other => foreign(other),
    }
}

fn place(found: &mut Found, command: &PlaceOrder) {
    found.identifier(format_args!("/order_id"), &command.order_id);
    if let Some(customer) = &command.customer_id {
        found.identifier(format_args!("/customer_id"), customer);
    }
    found.currency(format_args!("/currency"), &command.currency);
    let count = command.lines.len();
    if (1..=LINES_MAX).contains(&count) {
        lines(found, &command.lines);
    } else {
        // The lines are not looked at, so that a refused giant costs no more than an honest order.
        let sentence = format!("An order has 1 to {LINES_MAX} lines.");
        found.add(format_args!("/lines"), sentence);
    }
}

fn lines(found: &mut Found, lines: &[OrderLine]) {
    let mut taken = vec![false; lines.len()];
    for (index, line) in lines.iter().enumerate() {
        let number = usize::try_from(line.line).unwrap_or(0);
        let place = number.checked_sub(1).and_then(|n| taken.get_mut(n));
        let repeated_or_foreign = place.is_none_or(|taken| std::mem::replace(taken, true));
        if repeated_or_foreign {
            let sentence = "Lines carry the numbers from 1 to their count, each once.".to_owned();
            found.add(format_args!("/lines/{index}/line"), sentence);
        }
        found.sku(format_args!("/lines/{index}/sku"), &line.sku);
        found.quantity(format_args!("/lines/{index}/quantity"), line.quantity);
        if let Some(price) = line.unit_price_max {
            found.unit_price(format_args!("/lines/{index}/unit_price_max"), price);
        }
    }
}

fn pay(found: &mut Found, command: &PayOrder) {
    found.identifier(format_args!("/order_id"), &command.order_id);
    found.identifier(format_args!("/reference"), &command.reference);
    if !(1..=TOTAL_MAX).contains(&command.amount.amount) {
        let sentence = format!("A payment is 1 to {TOTAL_MAX} minor units.");
        found.add(format_args!("/amount"), sentence);
    }
    found.currency(format_args!("/currency"), &command.amount.currency);
}
