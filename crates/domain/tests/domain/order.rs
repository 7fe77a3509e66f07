//! Client commands on orders, from placed to shipped, cancelled or expired.

use domain::{order::expire, refusal::Code};
use events::{
    Event, Money,
    command::{CancelOrder, PayOrder, PlaceOrder, ShipOrder},
    order::{OrderCancelled, OrderExpired, OrderPaid, OrderPlaced, OrderShipped},
    outcome::OrderSummary,
};

use crate::kit::{DEADLINE, eur, given, held, history, line, placed, reserved};

pub(crate) fn place(placed: &OrderPlaced) -> PlaceOrder {
    PlaceOrder {
        order_id: placed.order_id.clone(),
        customer_id: placed.customer_id.clone(),
        currency: placed.currency.clone(),
        lines: placed.lines.clone(),
    }
}

pub(crate) fn pay(amount: Money) -> PayOrder {
    PayOrder { order_id: "o".to_owned(), reference: "payment 1".to_owned(), amount }
}

pub(crate) fn paid(amount: i64) -> OrderPaid {
    OrderPaid { order_id: "o".to_owned(), reference: "payment 1".to_owned(), amount: eur(amount) }
}

pub(crate) fn cancel() -> CancelOrder {
    CancelOrder { order_id: "o".to_owned(), reason: "changed my mind".to_owned() }
}

pub(crate) fn cancelled(placed: &OrderPlaced, refund_due: Option<Money>) -> OrderCancelled {
    OrderCancelled {
        order_id: "o".to_owned(),
        reason: "changed my mind".to_owned(),
        refund_due,
        released: held(&placed.lines),
    }
}

pub(crate) fn ship() -> ShipOrder {
    ShipOrder { order_id: "o".to_owned(), reference: "parcel 1".to_owned() }
}

pub(crate) fn shipped(placed: &OrderPlaced) -> OrderShipped {
    OrderShipped {
        order_id: "o".to_owned(),
        reference: "parcel 1".to_owned(),
        lines: held(&placed.lines),
    }
}

pub(crate) fn expired(placed: &OrderPlaced) -> OrderExpired {
    OrderExpired { order_id: "o".to_owned(), released: held(&placed.lines) }
}

/// Three pieces, held at 500 each.
pub(crate) fn basket() -> OrderPlaced {
    placed([line(1, "A", 1), line(2, "B", 2)])
}

#[test]
fn an_order_is_placed_with_its_lines_in_order_and_its_id_is_used_up() {
    let shuffled = PlaceOrder { lines: vec![line(2, "B", 2), line(1, "A", 1)], ..place(&basket()) };
    given([])
        .when(shuffled)
        .then(history![basket()])
        .when(place(&basket()))
        .then_refused(Code::OrderExists);
}

#[test]
fn the_exact_amount_pays_an_order_once() {
    given(history![basket(), reserved(&basket(), 500)])
        .when(pay(eur(1_499)))
        .then_refused(Code::WrongAmount)
        .when(pay(Money::new(1_500, "USD")))
        .then_refused(Code::WrongAmount)
        .when(pay(eur(1_500)))
        .then(history![paid(1_500)])
        .when(pay(eur(1_500)))
        .then_refused(Code::AlreadyPaid);
}

#[test]
fn payment_is_not_awaited_before_stock_is_held() {
    given(history![basket()]).when(pay(eur(1_500))).then_refused(Code::NotReserved);
}

#[test]
fn only_a_paid_order_is_shipped() {
    given(history![basket()]).when(ship()).then_refused(Code::NotPaid);
    given(history![basket(), reserved(&basket(), 500)])
        .when(ship())
        .then_refused(Code::NotPaid)
        .when(pay(eur(1_500)))
        .then(history![paid(1_500)])
        .when(ship())
        .then(history![shipped(&basket())])
        .when(ship())
        .then_refused(Code::AlreadyShipped);
}

#[test]
fn a_cancelled_order_gives_its_stock_back() {
    let after = given(history![basket(), reserved(&basket(), 500)])
        .when(cancel())
        .then(history![cancelled(&basket(), None)]);
    assert!(after.order("o").is_settled());
}

#[test]
fn a_cancelled_order_that_was_paid_is_due_a_refund() {
    let history = history![basket(), reserved(&basket(), 500), paid(1_500)];
    let after =
        given(history).when(cancel()).then(history![cancelled(&basket(), Some(eur(1_500)))]);
    let summary = OrderSummary {
        status: "cancelled".to_owned(),
        total: Some(eur(1_500)),
        payment_deadline: Some(DEADLINE),
        refund_due: Some(eur(1_500)),
    };
    assert_eq!(after.order("o").summary(), summary);
}

#[test]
fn an_order_of_no_one_is_unknown() {
    given([]).when(pay(eur(1))).then_refused(Code::UnknownOrder);
    given([]).when(cancel()).then_refused(Code::UnknownOrder);
    given([]).when(ship()).then_refused(Code::UnknownOrder);
}

#[test]
fn a_command_past_the_deadline_expires_the_order_and_comes_too_late() {
    let reserved = || given(history![basket(), reserved(&basket(), 500)]).at(DEADLINE);
    let expired = || history![expired(&basket())];
    let late = |then: crate::kit::Then| then.then_refused_with(Code::Expired, expired());
    late(reserved().when(pay(eur(1_500))));
    late(reserved().when(cancel()));
    late(reserved().when(ship()));
    reserved().when(place(&basket())).then_refused_with(Code::OrderExists, expired());
    reserved().at(DEADLINE - 1).when(pay(eur(1_500))).then(history![paid(1_500)]);
}

#[test]
fn only_an_order_that_awaits_its_payment_expires() {
    let at = |history: &[Event], now| expire(given(history.to_vec()).order("o"), now);
    let reserved = history![basket(), reserved(&basket(), 500)];
    assert_eq!(at(&history![basket()], i64::MAX), None);
    assert_eq!(at(&reserved, DEADLINE - 1), None);
    assert_eq!(at(&reserved, DEADLINE), Some(Event::from(expired(&basket()))));
    let paid = [&reserved[..], &history![paid(1_500)]].concat();
    assert_eq!(at(&paid, i64::MAX), None);
}
