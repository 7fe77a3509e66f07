//! Given events, then rows.

use events::{
    Event, Money,
    line::{LineQuantity, OrderLine, PricedLine, RefusedLine, ReservedLine},
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPartlyReserved,
        OrderPlaced, OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
};

use super::{OrderRows, Orders};
use crate::{
    fact::Unfit,
    projection::Projection,
    testing::{BEGAN_MS, fact},
};

fn placed() -> Event {
    let line = |line, sku: &str| OrderLine {
        line,
        sku: sku.to_owned(),
        quantity: 2,
        unit_price_max: (line == 1).then_some(500),
    };
    OrderPlaced {
        order_id: "o-1".to_owned(),
        customer_id: Some("c-1".to_owned()),
        currency: "EUR".to_owned(),
        lines: vec![line(1, "a"), line(2, "b")],
    }
    .into()
}

fn reserved() -> Event {
    let line = |line, sku: &str| PricedLine {
        line,
        sku: sku.to_owned(),
        quantity: 2,
        unit_price: 100 * i64::from(line),
    };
    OrderReserved {
        order_id: "o-1".to_owned(),
        lines: vec![line(1, "a"), line(2, "b")],
        total: Money::new(600, "EUR"),
        payment_deadline: BEGAN_MS + 60_000,
    }
    .into()
}

fn paid() -> Event {
    OrderPaid {
        order_id: "o-1".to_owned(),
        reference: "p-1".to_owned(),
        amount: Money::new(600, "EUR"),
    }
    .into()
}

fn refused(line: i32) -> RefusedLine {
    RefusedLine { line, sku: "b".to_owned(), reason: "out-of-stock".to_owned(), available: Some(1) }
}

fn given(events: &[Event]) -> OrderRows {
    let mut rows = None;
    for (version, event) in (1..).zip(events) {
        Orders::fold(&mut rows, &fact(event.clone(), version)).expect("a fit event");
    }
    rows.expect("an order")
}

/// Folds one event that must not fit, and checks that it changes nothing.
fn refuse(events: &[Event], event: Event, version: i64) -> Unfit {
    let mut rows = (!events.is_empty()).then(|| given(events));
    let before = rows.clone();
    let unfit = Orders::fold(&mut rows, &fact(event, version)).expect_err("unfit");
    assert_eq!(rows, before);
    unfit
}

#[test]
fn an_order_is_placed_reserved_paid_and_shipped() {
    let shipped = OrderShipped {
        order_id: "o-1".to_owned(),
        reference: "s-1".to_owned(),
        lines: vec![LineQuantity { line: 1, sku: "a".to_owned(), quantity: 2 }],
    };
    let rows = given(&[placed(), reserved(), paid(), shipped.into()]);
    assert_eq!((rows.order.status.as_str(), rows.order.version), ("shipped", 4));
    assert_eq!(rows.order.total_amount, Some(600));
    assert_eq!(rows.order.refund_due_amount, None);
    let ms = |at: chrono::DateTime<chrono::Utc>| at.timestamp_millis() - BEGAN_MS;
    assert_eq!(rows.order.payment_deadline.map(ms), Some(60_000));
    assert_eq!((ms(rows.order.placed_at), ms(rows.order.updated_at)), (1000, 4000));
    assert_eq!(rows.order.source_partition, 2);
    let prices: Vec<_> = rows.lines.iter().map(|l| (l.unit_price_max, l.unit_price)).collect();
    assert_eq!(prices, [(Some(500), Some(100)), (None, Some(200))]);
    let history: Vec<_> = rows.happenings.iter().map(|h| (h.version, h.event)).collect();
    let names = ["OrderPlaced", "OrderReserved", "OrderPaid", "OrderShipped"];
    assert_eq!(history, (1..).zip(names).collect::<Vec<_>>());
    assert_eq!(rows.happenings[2].body["amount"]["amount"], 600);
    assert_eq!(rows.happenings[2].source.link_sequence, 13);
}

#[test]
fn an_order_that_is_reserved_in_part_says_what_it_costs_and_which_line_it_lacks() {
    let partly = OrderPartlyReserved {
        order_id: "o-1".to_owned(),
        lines: vec![PricedLine { line: 1, sku: "a".to_owned(), quantity: 2, unit_price: 100 }],
        refused: vec![refused(2)],
        total: Money::new(200, "EUR"),
        payment_deadline: BEGAN_MS + 60_000,
    };
    let rows = given(&[placed(), partly.into()]);
    assert_eq!((rows.order.status.as_str(), rows.order.total_amount), ("reserved", Some(200)));
    let lines: Vec<_> = rows.lines.iter().map(|l| (l.unit_price, l.refusal.as_deref())).collect();
    assert_eq!(lines, [(Some(100), None), (None, Some("out-of-stock"))]);
}

#[test]
fn an_event_of_which_only_a_part_fits_changes_nothing() {
    let partly = |currency, line, refused_line| OrderPartlyReserved {
        order_id: "o-1".to_owned(),
        lines: vec![PricedLine { line, sku: "a".to_owned(), quantity: 2, unit_price: 100 }],
        refused: vec![refused(refused_line)],
        total: Money::new(200, currency),
        payment_deadline: BEGAN_MS + 60_000,
    };
    let unfit = |event: OrderPartlyReserved| refuse(&[placed()], event.into(), 2);
    assert!(matches!(unfit(partly("USD", 1, 2)), Unfit::Currency { .. }));
    assert_eq!(unfit(partly("EUR", 7, 2)), Unfit::Line(7));
    assert_eq!(unfit(partly("EUR", 1, 7)), Unfit::Line(7));
}

#[test]
fn a_rejected_order_says_which_line_was_refused_and_why() {
    let recorded = ReservationRecorded {
        order_id: "o-1".to_owned(),
        reserved: vec![ReservedLine { line: 1, unit_price: 90 }],
        refused: vec![],
        withheld: vec![2],
    };
    let rejected = OrderRejected {
        order_id: "o-1".to_owned(),
        refused: vec![refused(2)],
        released: vec![LineQuantity { line: 1, sku: "a".to_owned(), quantity: 2 }],
    };
    let rows = given(&[placed(), recorded.into(), rejected.into()]);
    assert_eq!(rows.order.status, "rejected");
    assert_eq!(rows.lines[0].unit_price, Some(90));
    assert_eq!(rows.lines[1].refusal.as_deref(), Some("out-of-stock"));
    assert_eq!(rows.lines[1].available, Some(1));
}

#[test]
fn a_paid_order_that_is_cancelled_owes_a_refund_and_a_late_reservation_changes_no_status() {
    let cancelled = OrderCancelled {
        order_id: "o-1".to_owned(),
        reason: "changed my mind".to_owned(),
        refund_due: Some(Money::new(600, "EUR")),
        released: vec![],
    };
    let late = LateReservationReleased { order_id: "o-1".to_owned(), released: vec![] };
    let rows = given(&[placed(), reserved(), paid(), cancelled.into(), late.into()]);
    assert_eq!((rows.order.status.as_str(), rows.order.version), ("cancelled", 5));
    assert_eq!(rows.order.refund_due_amount, Some(600));
}

#[test]
fn an_unpaid_order_expires() {
    let expired = OrderExpired { order_id: "o-1".to_owned(), released: vec![] };
    assert_eq!(given(&[placed(), reserved(), expired.into()]).order.status, "expired");
}

#[test]
fn an_event_that_does_not_follow_changes_nothing() {
    assert_eq!(refuse(&[], paid(), 3), Unfit::Missing);
    assert_eq!(refuse(&[placed()], placed(), 2), Unfit::Exists);
    assert_eq!(refuse(&[placed()], paid(), 3), Unfit::Version { expected: 2, found: 3 });
    let strange = ReservationRecorded {
        order_id: "o-1".to_owned(),
        reserved: vec![ReservedLine { line: 1, unit_price: 90 }],
        refused: vec![refused(9)],
        withheld: vec![],
    };
    assert_eq!(refuse(&[placed()], strange.into(), 2), Unfit::Line(9));
    let dollars = OrderPaid {
        order_id: "o-1".to_owned(),
        reference: "p-1".to_owned(),
        amount: Money::new(600, "USD"),
    };
    assert!(matches!(refuse(&[placed()], dollars.into(), 2), Unfit::Currency { .. }));
    let mut unversioned = fact(paid(), 2);
    unversioned.version = None;
    let unfit = Orders::fold(&mut Some(given(&[placed()])), &unversioned);
    assert_eq!(unfit, Err(Unfit::NoVersion));
}
