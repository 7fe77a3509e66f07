//! Follow-ups on products: holding stock for an order, giving it back, shipping it.

use domain::refusal::Code;
use events::{
    Event,
    command::{ReleaseStock, ReserveStock, ShipStock},
    line::{OrderLine, RefusedLine},
    product::{ReservationRefused, StockReleased, StockReserved, StockShipped},
};

use crate::kit::{given, held, history, line, received, registered};

fn reserve(lines: impl IntoIterator<Item = OrderLine>) -> ReserveStock {
    ReserveStock {
        order_id: "o".to_owned(),
        currency: "EUR".to_owned(),
        lines: lines.into_iter().collect(),
    }
}

fn hold(sku: &str, quantity: i64, unit_price: i64, lines: &[i32]) -> StockReserved {
    StockReserved {
        sku: sku.to_owned(),
        order_id: "o".to_owned(),
        quantity,
        unit_price,
        lines: lines.to_vec(),
    }
}

fn refused(lines: impl IntoIterator<Item = RefusedLine>) -> ReservationRefused {
    ReservationRefused { order_id: "o".to_owned(), lines: lines.into_iter().collect() }
}

fn because(line: i32, sku: &str, code: Code, available: Option<i64>) -> RefusedLine {
    RefusedLine { line, sku: sku.to_owned(), reason: code.as_str().to_owned(), available }
}

/// A costs 500, 10 pieces; B costs 200, 3 pieces.
fn shelf() -> Vec<Event> {
    Vec::from(history![
        registered("A", 500),
        received("A", "note 1", 10),
        registered("B", 200),
        received("B", "note 1", 3),
    ])
}

#[test]
fn all_lines_are_held_one_event_for_each_sku() {
    let after = given(shelf())
        .when(reserve([line(1, "B", 1), line(3, "A", 4), line(4, "B", 2)]))
        .then(history![hold("A", 4, 500, &[3]), hold("B", 3, 200, &[1, 4])]);
    assert_eq!(after.product("A").available(), 6);
    assert_eq!(after.product("B").available(), 0);
}

#[test]
fn availability_is_judged_on_the_sum_of_a_sku() {
    given(shelf()).when(reserve([line(1, "B", 2), line(2, "B", 2)])).then(history![refused([
        because(1, "B", Code::OutOfStock, Some(3)),
        because(2, "B", Code::OutOfStock, Some(3)),
    ])]);
}

#[test]
fn one_failing_line_holds_nothing_and_names_only_itself() {
    let after = given(shelf())
        .when(reserve([line(1, "A", 1), line(2, "B", 4)]))
        .then(history![refused([because(2, "B", Code::OutOfStock, Some(3))])]);
    assert_eq!(after.product("A").reserved(), 0);
    assert_eq!(after.product("B").reserved(), 0);
}

#[test]
fn every_failing_line_is_named_in_the_order_of_the_lines() {
    let dear = OrderLine { unit_price_max: Some(499), ..line(3, "A", 1) };
    given(shelf()).when(reserve([line(1, "ghost", 1), line(2, "B", 4), dear])).then(history![
        refused([
            because(1, "ghost", Code::UnknownSku, None),
            because(2, "B", Code::OutOfStock, Some(3)),
            because(3, "A", Code::PriceChanged, None),
        ])
    ]);
}

#[test]
fn the_highest_acceptable_price_is_inclusive_and_counts_for_its_line_alone() {
    let at_most = |number, max| OrderLine { unit_price_max: Some(max), ..line(number, "A", 1) };
    given(shelf()).when(reserve([at_most(1, 500)])).then(history![hold("A", 1, 500, &[1])]);
    given(shelf())
        .when(reserve([at_most(1, 500), at_most(2, 499)]))
        .then(history![refused([because(2, "A", Code::PriceChanged, None)])]);
}

#[test]
fn another_currency_is_refused() {
    let command = ReserveStock { currency: "USD".to_owned(), ..reserve([line(1, "A", 1)]) };
    given(shelf()).when(command).then(history![refused([because(
        1,
        "A",
        Code::CurrencyMismatch,
        None
    )])]);
}

#[test]
fn held_stock_is_given_back_or_shipped_by_sku() {
    let lines = [line(1, "B", 1), line(2, "A", 4), line(3, "B", 2)];
    let mut history = shelf();
    history.extend(history![hold("A", 4, 500, &[2]), hold("B", 3, 200, &[1, 3])]);

    let release = ReleaseStock { order_id: "o".to_owned(), lines: held(&lines) };
    let released = |sku: &str, quantity| StockReleased {
        sku: sku.to_owned(),
        order_id: "o".to_owned(),
        quantity,
    };
    let after =
        given(history.clone()).when(release).then(history![released("A", 4), released("B", 3)]);
    assert_eq!(after.product("A").available(), 10);

    let ship = ShipStock { order_id: "o".to_owned(), lines: held(&lines) };
    let shipped = |sku: &str, quantity| StockShipped {
        sku: sku.to_owned(),
        order_id: "o".to_owned(),
        quantity,
    };
    let after = given(history).when(ship).then(history![shipped("A", 4), shipped("B", 3)]);
    assert_eq!((after.product("A").on_hand(), after.product("A").reserved()), (6, 0));
}

#[test]
#[should_panic(expected = "a reservation was lost or settled twice")]
fn giving_back_what_nobody_holds_is_a_broken_invariant() {
    let release = ReleaseStock { order_id: "o".to_owned(), lines: held(&[line(1, "A", 1)]) };
    let _ = given(shelf()).when(release);
}
