//! Rules version 3: products off sale, and stock that runs low.

use domain::{refusal::Code, rules::Version};
use events::{
    Event,
    command::{
        AdjustStock, DeactivateProduct, ReactivateProduct, ReceiveStock, ReleaseStock,
        ReserveStock, SetLowStockThreshold, ShipStock,
    },
    line::{OrderLine, RefusedLine},
    product::{
        LowStockThresholdSet, ProductDeactivated, ProductReactivated, ReservationRefused,
        StockAdjusted, StockRanLow, StockReceived, StockReleased, StockReserved, StockShipped,
    },
};

use crate::kit::{Given, given, held, history, line, received, registered};

fn under_three(history: impl IntoIterator<Item = Event>) -> Given {
    given(history).under(Version::Catalogue)
}

fn because_of(sku: &str) -> (String, String) {
    (sku.to_owned(), "recalled".to_owned())
}

fn deactivate(sku: &str) -> DeactivateProduct {
    let (sku, reason) = because_of(sku);
    DeactivateProduct { sku, reason }
}

fn deactivated(sku: &str) -> ProductDeactivated {
    let (sku, reason) = because_of(sku);
    ProductDeactivated { sku, reason }
}

fn reactivate(sku: &str) -> ReactivateProduct {
    let (sku, reason) = because_of(sku);
    ReactivateProduct { sku, reason }
}

fn reactivated(sku: &str) -> ProductReactivated {
    let (sku, reason) = because_of(sku);
    ProductReactivated { sku, reason }
}

fn set(threshold: Option<i64>) -> SetLowStockThreshold {
    SetLowStockThreshold { sku: "A".to_owned(), threshold }
}

fn was_set(threshold: Option<i64>) -> LowStockThresholdSet {
    LowStockThresholdSet { sku: "A".to_owned(), threshold }
}

fn ran_low(sku: &str, available: i64, threshold: i64) -> StockRanLow {
    StockRanLow { sku: sku.to_owned(), available, threshold }
}

fn reserve(lines: impl IntoIterator<Item = OrderLine>) -> ReserveStock {
    let (order_id, currency) = ("o".to_owned(), "EUR".to_owned());
    ReserveStock { order_id, currency, lines: lines.into_iter().collect() }
}

fn hold(sku: &str, quantity: i64, lines: &[i32]) -> StockReserved {
    let (sku, order_id) = (sku.to_owned(), "o".to_owned());
    StockReserved { sku, order_id, quantity, unit_price: 500, lines: lines.to_vec() }
}

fn adjust(quantity: i64) -> AdjustStock {
    AdjustStock { sku: "A".to_owned(), quantity, reason: "count".to_owned() }
}

fn adjusted(quantity: i64) -> StockAdjusted {
    StockAdjusted { sku: "A".to_owned(), quantity, reason: "count".to_owned() }
}

/// A and B cost 500; ten pieces of each.
fn shelf() -> Vec<Event> {
    Vec::from(history![
        registered("A", 500),
        received("A", "note 1", 10),
        registered("B", 500),
        received("B", "note 1", 10),
    ])
}

#[test]
fn a_product_goes_off_sale_and_on_again_and_a_repeat_is_harmless() {
    let after = under_three(shelf()).when(deactivate("A")).then(history![deactivated("A")]);
    assert!(!after.product("A").is_active());
    let after = after.when(reactivate("A")).then(history![reactivated("A")]);
    assert!(after.product("A").is_active());
    after.when(reactivate("B")).then_nothing();
    for unknown in [deactivate("ghost").into(), reactivate("ghost").into()] {
        let unknown: events::Command = unknown;
        under_three(shelf()).when(unknown).then_refused(Code::UnknownSku);
    }
}

#[test]
fn orders_get_nothing_of_a_product_that_is_off_sale_and_the_others_go_on() {
    let mut history = shelf();
    history.push(deactivated("A").into());
    let inactive = |line| RefusedLine {
        line,
        sku: "A".to_owned(),
        reason: "product-inactive".to_owned(),
        available: None,
    };
    let refused = |lines: &[RefusedLine]| ReservationRefused {
        order_id: "o".to_owned(),
        lines: lines.to_vec(),
    };
    under_three(history.clone())
        .when(reserve([line(1, "A", 1), line(2, "B", 2), line(3, "A", 99)]))
        .then(history![hold("B", 2, &[2]), refused(&[inactive(1), inactive(3)])]);
    under_three(history.clone())
        .when(reserve([line(1, "A", 1)]))
        .then(history![refused(&[inactive(1)])])
        .when(reactivate("A"))
        .then(history![reactivated("A")])
        .when(reserve([line(1, "A", 1)]))
        .then(history![hold("A", 1, &[1])]);
    // The rules before it know nothing of that.
    for version in [Version::WholeOrders, Version::PartialReservation] {
        given(history.clone())
            .under(version)
            .when(reserve([line(1, "A", 1)]))
            .then(history![hold("A", 1, &[1])]);
    }
}

#[test]
fn what_is_held_of_a_product_off_sale_is_shipped_and_given_back_and_stock_comes_in() {
    let mut history = shelf();
    history.extend(history![hold("A", 4, &[1]), deactivated("A")]);
    let order_id = || "o".to_owned();
    let lines = held(&[line(1, "A", 4)]);
    let (sku, quantity) = ("A".to_owned(), 4);
    under_three(history.clone())
        .when(ShipStock { order_id: order_id(), lines: lines.clone() })
        .then(history![StockShipped { sku: sku.clone(), order_id: order_id(), quantity }]);
    let more = ReceiveStock { sku: sku.clone(), reference: "note 2".to_owned(), quantity: 5 };
    let after = under_three(history)
        .when(ReleaseStock { order_id: order_id(), lines })
        .then(history![StockReleased { sku, order_id: order_id(), quantity }])
        .when(more)
        .then(history![received("A", "note 2", 5)]);
    assert_eq!(after.product("A").available(), 15);
}

#[test]
fn stock_that_falls_to_its_threshold_is_told_once_for_each_crossing() {
    let note =
        |n: i64| ReceiveStock { sku: "A".to_owned(), reference: format!("note {n}"), quantity: 6 };
    let noted =
        |n: i64| StockReceived { sku: "A".to_owned(), reference: format!("note {n}"), quantity: 6 };
    let after = under_three(shelf())
        .when(set(Some(5)))
        .then(history![was_set(Some(5))])
        .when(adjust(-4))
        .then(history![adjusted(-4)])
        .when(adjust(-1))
        .then(history![adjusted(-1), ran_low("A", 5, 5)])
        .when(adjust(-1))
        .then(history![adjusted(-1)])
        .when(note(2))
        .then(history![noted(2)])
        .when(reserve([line(1, "A", 8)]))
        .then(history![hold("A", 8, &[1]), ran_low("A", 2, 5)]);
    assert_eq!((after.product("A").available(), after.product("A").version), (2, 10));
    let lines = held(&[line(1, "A", 8)]);
    let released = StockReleased { sku: "A".to_owned(), order_id: "o".to_owned(), quantity: 8 };
    after
        .when(ReleaseStock { order_id: "o".to_owned(), lines })
        .then(history![released])
        .when(adjust(-5))
        .then(history![adjusted(-5), ran_low("A", 5, 5)]);
}

#[test]
fn a_threshold_that_stock_is_below_already_tells_nothing_and_none_tells_never() {
    let all = shelf();
    let after = under_three(all)
        .when(set(Some(50)))
        .then(history![was_set(Some(50))])
        .when(adjust(-1))
        .then(history![adjusted(-1)])
        .when(set(Some(50)))
        .then_nothing()
        .when(set(None))
        .then(history![was_set(None)]);
    after.when(adjust(-9)).then(history![adjusted(-9)]);
    under_three([]).when(set(Some(1))).then_refused(Code::UnknownSku);
    for bad in [-1, domain::bounds::ON_HAND_MAX + 1] {
        under_three(shelf()).when(set(Some(bad))).then_refused(Code::Invalid);
    }
}

#[test]
fn each_product_of_an_order_tells_for_itself_behind_its_own_event() {
    let mut history = shelf();
    history.push(was_set(Some(9)).into());
    let of_b = LowStockThresholdSet { sku: "B".to_owned(), threshold: Some(0) };
    history.push(of_b.into());
    under_three(history.clone()).when(reserve([line(1, "B", 10), line(2, "A", 1)])).then(history![
        hold("A", 1, &[2]),
        ran_low("A", 9, 9),
        hold("B", 10, &[1]),
        ran_low("B", 0, 0),
    ]);
    given(history)
        .under(Version::PartialReservation)
        .when(reserve([line(1, "B", 10)]))
        .then(history![hold("B", 10, &[1])]);
}
