//! Client commands on one order. Each of them checks the deadline itself, so that none depends on
//! a Tick being in time.

use events::{
    Millis, Money,
    command::{CancelOrder, PayOrder, PlaceOrder, ShipOrder},
    order::{OrderCancelled, OrderPaid, OrderPlaced, OrderShipped},
    outcome::Refusal,
};

use super::{Order, Status, expire};
use crate::{Decision, refusal::Code};

pub(crate) fn place(order: Option<&Order>, command: &PlaceOrder, now: Millis) -> Decision {
    if let Some(order) = order {
        let refusal = Code::OrderExists.refuse("An order with this id exists.");
        return Decision {
            events: expire(order, now).into_iter().collect(),
            refusal: Some(refusal),
        };
    }
    let mut lines = command.lines.clone();
    lines.sort_by_key(|line| line.line);
    Decision::event(OrderPlaced {
        order_id: command.order_id.clone(),
        customer_id: command.customer_id.clone(),
        currency: command.currency.clone(),
        lines,
    })
}

pub(crate) fn pay(order: Option<&Order>, command: &PayOrder, now: Millis) -> Decision {
    in_time(order, now, |order| match (order.status, order.bill) {
        (Status::Reserved, Some(bill)) => {
            let total = Money::new(bill.total, &order.currency);
            if command.amount != total {
                let detail = format!("The order costs {} {}.", total.amount, total.currency);
                return Decision::refused(Code::WrongAmount.refuse(detail));
            }
            Decision::event(OrderPaid {
                order_id: command.order_id.clone(),
                reference: command.reference.clone(),
                amount: total,
            })
        }
        (Status::Paid, _) => {
            Decision::refused(Code::AlreadyPaid.refuse("The order was paid before."))
        }
        (Status::Placed | Status::Reserved, _) => {
            let detail = "Stock for the order is not held yet; payment is not awaited.";
            Decision::refused(Code::NotReserved.refuse(detail))
        }
        (status, _) => Decision::refused(closed(status)),
    })
}

pub(crate) fn cancel(order: Option<&Order>, command: &CancelOrder, now: Millis) -> Decision {
    in_time(order, now, |order| {
        if order.status.is_final() {
            return Decision::refused(closed(order.status));
        }
        let refund_due = match (order.status, order.bill) {
            (Status::Paid, Some(bill)) => Some(Money::new(bill.total, &order.currency)),
            _ => None,
        };
        Decision::event(OrderCancelled {
            order_id: command.order_id.clone(),
            reason: command.reason.clone(),
            refund_due,
            // Lines that still wait are given back when they turn out to hold stock.
            released: order.held(),
        })
    })
}

pub(crate) fn ship(order: Option<&Order>, command: &ShipOrder, now: Millis) -> Decision {
    in_time(order, now, |order| match order.status {
        Status::Paid => Decision::event(OrderShipped {
            order_id: command.order_id.clone(),
            reference: command.reference.clone(),
            lines: order.held(),
        }),
        Status::Placed | Status::Reserved => {
            Decision::refused(Code::NotPaid.refuse("The order is not paid."))
        }
        status => Decision::refused(closed(status)),
    })
}

/// Decides on an order that exists and whose deadline has not passed. One whose deadline is due
/// expires in this step, and whatever was asked comes too late.
fn in_time(
    order: Option<&Order>,
    now: Millis,
    decide: impl FnOnce(&Order) -> Decision,
) -> Decision {
    let Some(order) = order else {
        return Decision::refused(Code::UnknownOrder.refuse("No order has this id."));
    };
    match expire(order, now) {
        Some(expired) => Decision { events: vec![expired], refusal: Some(closed(Status::Expired)) },
        None => decide(order),
    }
}

/// How a final order answers every command.
fn closed(status: Status) -> Refusal {
    match status {
        Status::Rejected => Code::Rejected.refuse("The order was rejected."),
        Status::Shipped => Code::AlreadyShipped.refuse("The order was shipped before."),
        Status::Cancelled => Code::Cancelled.refuse("The order was cancelled."),
        Status::Expired => Code::Expired.refuse("The order was not paid before its deadline."),
        Status::Placed | Status::Reserved | Status::Paid => {
            panic!("an order that is {status} was answered as if it were final")
        }
    }
}
