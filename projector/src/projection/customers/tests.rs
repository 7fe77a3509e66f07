//! Given events of orders, then what they count for.

use events::{
    Event, Money,
    line::{PricedLine, RefusedLine},
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPartlyReserved,
        OrderPlaced, OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
};

use super::{
    CustomerOrder, Customers, Share, Status,
    sums::{Spend, Sums},
};
use crate::{fact::Unfit, kit::Given};

fn placed(customer_id: Option<&str>) -> Event {
    OrderPlaced {
        order_id: "o-1".to_owned(),
        customer_id: customer_id.map(str::to_owned),
        currency: "EUR".to_owned(),
        lines: vec![],
    }
    .into()
}

fn reserved() -> Event {
    OrderReserved {
        order_id: "o-1".to_owned(),
        lines: vec![],
        total: Money::new(600, "EUR"),
        payment_deadline: 1,
    }
    .into()
}

fn paid(amount: Money) -> Event {
    OrderPaid { order_id: "o-1".to_owned(), reference: "p-1".to_owned(), amount }.into()
}

fn cancelled(refund_due: Option<Money>) -> Event {
    let (order_id, reason) = ("o-1".to_owned(), "late".to_owned());
    OrderCancelled { order_id, reason, refund_due, released: vec![] }.into()
}

fn share(status: Status, paid_amount: i64, refund_due_amount: i64) -> Share {
    Share { status, paid_amount, refund_due_amount }
}

/// What the order counts for after these events.
fn after(events: &[Event]) -> Share {
    let given = Given::<Customers>::events(events.iter().cloned());
    given.rows("o-1").expect("the order").share
}

#[test]
fn an_amount_is_spent_from_the_payment_until_a_cancellation() {
    let euros = || Money::new(600, "EUR");
    Given::<Customers>::nothing()
        .when(placed(Some("c-1")))
        .then("o-1", |order| assert_eq!(order.share, share(Status::Placed, 0, 0)))
        .when(reserved())
        .then("o-1", |order| assert_eq!(order.share, share(Status::Reserved, 0, 0)))
        .when(paid(euros()))
        .then("o-1", |order| assert_eq!(order.share, share(Status::Paid, 600, 0)))
        .when(cancelled(Some(euros())))
        .then("o-1", |order| {
            assert_eq!(order.share, share(Status::Cancelled, 600, 600));
            assert_eq!(order.customer_id.as_deref(), Some("c-1"));
        });
}

#[test]
fn every_way_an_order_can_go_has_its_status() {
    let order_id = || "o-1".to_owned();
    let refused = RefusedLine {
        line: 1,
        sku: "a".to_owned(),
        reason: "out-of-stock".to_owned(),
        available: Some(0),
    };
    let rejected: Event =
        OrderRejected { order_id: order_id(), refused: vec![refused], released: vec![] }.into();
    assert_eq!(after(&[placed(None), rejected]).status, Status::Rejected);
    let partly: Event = OrderPartlyReserved {
        order_id: order_id(),
        lines: vec![PricedLine { line: 1, sku: "a".to_owned(), quantity: 1, unit_price: 5 }],
        refused: vec![],
        total: Money::new(5, "EUR"),
        payment_deadline: 1,
    }
    .into();
    let expired: Event = OrderExpired { order_id: order_id(), released: vec![] }.into();
    assert_eq!(after(&[placed(None), partly.clone()]).status, Status::Reserved);
    assert_eq!(after(&[placed(None), partly, expired]).status, Status::Expired);
    let shipped: Event =
        OrderShipped { order_id: order_id(), reference: "s".to_owned(), lines: vec![] }.into();
    let all = [placed(None), reserved(), paid(Money::new(600, "EUR")), shipped];
    assert_eq!(after(&all), share(Status::Shipped, 600, 0));
    let recorded: Event = ReservationRecorded {
        order_id: order_id(),
        reserved: vec![],
        refused: vec![],
        withheld: vec![],
    }
    .into();
    let late: Event = LateReservationReleased { order_id: order_id(), released: vec![] }.into();
    let all = [placed(None), recorded, cancelled(None), late];
    assert_eq!(after(&all), share(Status::Cancelled, 0, 0));
}

#[test]
fn an_event_that_does_not_follow_is_put_aside() {
    let unfit = |given: &[Event], event: Event| {
        Given::<Customers>::events(given.iter().cloned()).when(event).then_unfit()
    };
    assert_eq!(unfit(&[], reserved()), Unfit::Missing);
    assert_eq!(unfit(&[placed(None)], placed(None)), Unfit::Exists);
    let dollars = paid(Money::new(600, "USD"));
    assert!(matches!(unfit(&[placed(None), reserved()], dollars), Unfit::Currency { .. }));
}

fn row(
    order_id: &str,
    customer_id: Option<&str>,
    now: Share,
    counted: Option<Share>,
) -> CustomerOrder {
    CustomerOrder {
        order_id: order_id.to_owned(),
        customer_id: customer_id.map(str::to_owned),
        currency: "EUR".to_owned(),
        share: now,
        version: 1,
        source_partition: 3,
        counted,
    }
}

#[test]
fn sums_change_by_what_is_not_counted_yet_and_guests_count_for_nobody() {
    let paid = share(Status::Paid, i64::MAX, 0);
    let rows = [
        row("o-1", Some("c"), paid, Some(share(Status::Reserved, 0, 0))),
        row("o-2", Some("c"), paid, None),
        row("o-3", Some("c"), paid, Some(paid)),
        row("o-4", Some("d"), share(Status::Placed, 0, 0), None),
        row("o-5", None, paid, None),
    ];
    let sums = Sums::changes(&rows);
    let counts: Vec<_> = sums.counts.into_iter().collect();
    assert_eq!(counts, [(("c", 3), [0, -1, 0, 2, 0, 0, 0]), (("d", 3), [1, 0, 0, 0, 0, 0, 0])]);
    let spend: Vec<_> = sums.spend.into_iter().collect();
    let twice = Spend { paid: 2 * i128::from(i64::MAX), refund_due: 0 };
    assert_eq!(spend, [(("c", "EUR", 3), twice)]);

    let gone = Sums::without(&rows);
    assert_eq!(gone.counts[&("c", 3)], [0, -1, 0, -1, 0, 0, 0]);
    assert_eq!(gone.spend[&("c", "EUR", 3)].paid, -i128::from(i64::MAX));
}
