//! Given events, then rows.

use events::{
    Event, Money,
    line::RefusedLine,
    product::{
        LowStockThresholdSet, PriceChanged, ProductDeactivated, ProductReactivated,
        ProductRegistered, ReservationRefused, StockAdjusted, StockRanLow, StockReceived,
        StockReleased, StockReserved, StockShipped,
    },
};

use super::{Product, Products};
use crate::{fact::Unfit, projection::Projection, testing::fact};

fn registered() -> Event {
    ProductRegistered {
        sku: "a".to_owned(),
        name: "A lamp".to_owned(),
        price: Money::new(1999, "EUR"),
    }
    .into()
}

fn received(quantity: i64) -> Event {
    StockReceived { sku: "a".to_owned(), reference: "r".to_owned(), quantity }.into()
}

fn reserved(quantity: i64) -> Event {
    StockReserved {
        sku: "a".to_owned(),
        order_id: "o".to_owned(),
        quantity,
        unit_price: 1999,
        lines: vec![1],
    }
    .into()
}

fn given(events: &[Event]) -> Product {
    let mut row = None;
    for (version, event) in (1..).zip(events) {
        Products::fold(&mut row, &fact(event.clone(), version)).expect("a fit event");
    }
    row.expect("a product")
}

fn refuse(events: &[Event], event: Event, version: i64) -> Unfit {
    let mut row = (!events.is_empty()).then(|| given(events));
    let before = row.clone();
    let unfit = Products::fold(&mut row, &fact(event, version)).expect_err("unfit");
    assert_eq!(row, before);
    unfit
}

#[test]
fn stock_and_price_follow_the_events() {
    let (sku, order_id) = ("a".to_owned(), "o".to_owned());
    let product = given(&[
        registered(),
        received(10),
        reserved(4),
        StockReleased { sku: sku.clone(), order_id: order_id.clone(), quantity: 1 }.into(),
        StockShipped { sku: sku.clone(), order_id, quantity: 2 }.into(),
        StockAdjusted { sku: sku.clone(), quantity: -3, reason: "broken".to_owned() }.into(),
        PriceChanged { sku, price: Money::new(1500, "EUR") }.into(),
    ]);
    assert_eq!((product.on_hand, product.reserved), (5, 1));
    assert_eq!((product.price_amount, product.currency.as_str()), (1500, "EUR"));
    assert_eq!(product.version, 7);
    assert!(product.registered_at < product.updated_at);
}

#[test]
fn a_product_is_on_sale_until_it_is_taken_off_and_keeps_its_threshold() {
    let set = |threshold| LowStockThresholdSet { sku: "a".to_owned(), threshold };
    let listing = |events: &[Event]| {
        let product = given(events);
        (product.active, product.low_stock_threshold, product.version)
    };
    let (sku, reason) = ("a".to_owned(), "recalled".to_owned());
    let low = StockRanLow { sku: sku.clone(), available: 2, threshold: 3 };
    let off = ProductDeactivated { sku: sku.clone(), reason: reason.clone() };
    let on = ProductReactivated { sku, reason };
    let mut events = vec![registered(), set(Some(3)).into(), off.into(), low.into()];
    assert_eq!(listing(&events), (false, Some(3), 4));
    events.extend([on.into(), set(None).into()]);
    assert_eq!(listing(&events), (true, None, 6));
}

#[test]
fn an_event_that_does_not_follow_changes_nothing() {
    assert_eq!(refuse(&[], received(1), 2), Unfit::Missing);
    assert_eq!(refuse(&[registered()], registered(), 2), Unfit::Exists);
    assert_eq!(refuse(&[registered(), received(3)], reserved(4), 3), Unfit::Range("reserved"));
    assert_eq!(
        refuse(&[registered(), received(i64::MAX)], received(1), 3),
        Unfit::Range("on hand")
    );
    let dollars = PriceChanged { sku: "a".to_owned(), price: Money::new(1, "USD") };
    assert!(matches!(refuse(&[registered()], dollars.into(), 2), Unfit::Currency { .. }));
}

#[test]
fn a_refused_reservation_concerns_no_product() {
    let lines: Vec<RefusedLine> = vec![];
    let refused = ReservationRefused { order_id: "o".to_owned(), lines };
    assert_eq!(Products::key(&refused.into()), None);
}
