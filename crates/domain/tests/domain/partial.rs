//! Rules version 2: what is in stock is reserved, the rest is refused.

use domain::{
    order::{LineState, Status, placement_verdict},
    refusal::Code,
    rules::Version,
};
use events::{
    Event, Kind, Position, ShardId,
    command::{CancelOrder, PayOrder, RecordReservation, ReserveStock, ShipOrder},
    line::{OrderLine, PricedLine, RefusedLine, ReservedLine},
    order::{
        LateReservationReleased, OrderCancelled, OrderPaid, OrderPartlyReserved, OrderRejected,
        OrderReserved, OrderShipped, ReservationRecorded,
    },
    outcome::PARTLY_RESERVED,
    position::Mark,
    product::{ReservationRefused, StockReserved},
};

use crate::kit::{DEADLINE, Given, eur, given, held, history, line, placed, received, registered};

fn under_two(history: impl IntoIterator<Item = Event>) -> Given {
    given(history).under(Version::PartialReservation)
}

/// A costs 500, 10 pieces; B costs 200, 3 pieces.
fn shelf() -> [Event; 4] {
    history![
        registered("A", 500),
        received("A", "note 1", 10),
        registered("B", 200),
        received("B", "note 1", 3),
    ]
}

fn reserve(lines: impl IntoIterator<Item = OrderLine>) -> ReserveStock {
    let (order_id, currency) = ("o".to_owned(), "EUR".to_owned());
    ReserveStock { order_id, currency, lines: lines.into_iter().collect() }
}

fn hold(sku: &str, quantity: i64, unit_price: i64, lines: &[i32]) -> StockReserved {
    let (sku, order_id) = (sku.to_owned(), "o".to_owned());
    StockReserved { sku, order_id, quantity, unit_price, lines: lines.to_vec() }
}

fn because(line: i32, sku: &str, code: Code, available: Option<i64>) -> RefusedLine {
    RefusedLine { line, sku: sku.to_owned(), reason: code.as_str().to_owned(), available }
}

fn refused(lines: &[RefusedLine]) -> ReservationRefused {
    ReservationRefused { order_id: "o".to_owned(), lines: lines.to_vec() }
}

fn answer(reserved: &[(i32, i64)], refused: &[RefusedLine]) -> RecordReservation {
    let reserved = reserved.iter();
    RecordReservation {
        order_id: "o".to_owned(),
        reserved: reserved.map(|&(line, unit_price)| ReservedLine { line, unit_price }).collect(),
        refused: refused.to_vec(),
        position: Position::new(ShardId::new(Kind::Products, 0), Mark::default()),
    }
}

#[test]
fn what_is_in_stock_is_held_and_the_rest_is_refused() {
    let after = under_two(shelf())
        .when(reserve([line(1, "A", 4), line(2, "B", 4), line(3, "ghost", 1)]))
        .then(history![
            hold("A", 4, 500, &[1]),
            refused(&[
                because(2, "B", Code::OutOfStock, Some(3)),
                because(3, "ghost", Code::UnknownSku, None),
            ]),
        ]);
    assert_eq!((after.product("A").available(), after.product("B").available()), (6, 3));
}

#[test]
fn lines_of_one_sku_are_served_by_their_numbers_whole_or_not_at_all() {
    let lines = [line(4, "B", 1), line(1, "B", 2), line(2, "B", 2), line(3, "B", 1)];
    under_two(shelf()).when(reserve(lines)).then(history![
        hold("B", 3, 200, &[1, 3]),
        refused(&[
            because(2, "B", Code::OutOfStock, Some(1)),
            because(4, "B", Code::OutOfStock, Some(0)),
        ]),
    ]);
}

#[test]
fn a_price_that_is_too_high_refuses_its_line_alone_and_takes_no_pieces() {
    let dear = OrderLine { unit_price_max: Some(199), ..line(1, "B", 3) };
    under_two(shelf()).when(reserve([dear, line(2, "B", 3)])).then(history![
        hold("B", 3, 200, &[2]),
        refused(&[because(1, "B", Code::PriceChanged, None)]),
    ]);
}

/// Line 1 is held, line 2 is refused.
fn partly() -> OrderPartlyReserved {
    OrderPartlyReserved {
        order_id: "o".to_owned(),
        lines: vec![PricedLine { line: 1, sku: "A".to_owned(), quantity: 2, unit_price: 500 }],
        refused: vec![because(2, "B", Code::OutOfStock, Some(3))],
        total: eur(1_000),
        payment_deadline: DEADLINE,
    }
}

fn basket() -> Event {
    placed([line(1, "A", 2), line(2, "B", 4)]).into()
}

#[test]
fn the_order_goes_on_with_the_lines_that_are_held_and_names_the_others() {
    let after = under_two([basket()])
        .when(answer(&[(1, 500)], &[]))
        .then(history![ReservationRecorded {
            order_id: "o".to_owned(),
            reserved: vec![ReservedLine { line: 1, unit_price: 500 }],
            refused: vec![],
            withheld: vec![],
        }])
        .when(answer(&[], &partly().refused))
        .then(history![partly()]);
    assert_eq!(after.order("o").status(), Status::Reserved);
    assert_eq!(after.order("o").payment_deadline(), Some(DEADLINE));
    let verdict = placement_verdict(&partly().into()).flatten().expect("lines were left out");
    assert_eq!((verdict.code.as_str(), verdict.lines), (PARTLY_RESERVED, partly().refused));

    let lines = held(&[line(1, "A", 2)]);
    let (order_id, reference) = ("o".to_owned(), "r".to_owned());
    let pay =
        PayOrder { order_id: order_id.clone(), reference: reference.clone(), amount: eur(1_000) };
    let paid =
        OrderPaid { order_id: order_id.clone(), reference: reference.clone(), amount: eur(1_000) };
    let ship = ShipOrder { order_id: order_id.clone(), reference: reference.clone() };
    let shipped = OrderShipped { order_id, reference, lines };
    after.when(pay).then(history![paid]).when(ship).then(history![shipped]);
}

#[test]
fn a_cancelled_order_gives_back_what_it_held_and_nothing_else() {
    let cancel = CancelOrder { order_id: "o".to_owned(), reason: "changed my mind".to_owned() };
    let cancelled = OrderCancelled {
        order_id: "o".to_owned(),
        reason: cancel.reason.clone(),
        refund_due: None,
        released: held(&[line(1, "A", 2)]),
    };
    under_two([basket(), partly().into()]).when(cancel).then(history![cancelled]);
}

#[test]
fn an_order_of_which_nothing_is_held_is_rejected() {
    let both =
        [because(1, "A", Code::OutOfStock, Some(0)), because(2, "B", Code::OutOfStock, Some(3))];
    let rejected =
        OrderRejected { order_id: "o".to_owned(), refused: both.to_vec(), released: vec![] };
    under_two([basket()]).when(answer(&[], &both)).then(history![rejected]);
}

#[test]
fn an_order_of_which_all_is_held_is_reserved_as_under_version_one() {
    let lines = [("A", 1, 2, 500), ("B", 2, 4, 200)].map(|(sku, line, quantity, unit_price)| {
        PricedLine { line, sku: sku.to_owned(), quantity, unit_price }
    });
    let reserved = OrderReserved {
        order_id: "o".to_owned(),
        lines: lines.to_vec(),
        total: eur(1_800),
        payment_deadline: DEADLINE,
    };
    for version in [Version::WholeOrders, Version::PartialReservation] {
        let all = answer(&[(1, 500), (2, 200)], &[]);
        given([basket()]).under(version).when(all).then(history![reserved.clone()]);
    }
}

#[test]
fn an_answer_under_version_one_withholds_lines_which_the_order_then_goes_without() {
    // One shard refused line 3 and so held nothing of line 1 either; line 2 lives in another.
    let order = placed([line(1, "A", 2), line(2, "B", 4), line(3, "A", 99)]);
    let short = [because(3, "A", Code::OutOfStock, Some(10))];
    let after = under_two(history![order]).when(answer(&[], &short)).into_parts().0;
    let (after, decision) = after.when(answer(&[(2, 200)], &[])).into_parts();
    let [Event::OrderPartlyReserved(event)] = &decision.events[..] else {
        panic!("the order is partly reserved, not {:?}", decision.events);
    };
    assert_eq!(event.total, eur(800));
    assert_eq!(after.order("o").lines()[0].state, LineState::Withheld);
}

#[test]
fn an_answer_under_version_two_that_comes_after_going_back_gives_its_stock_back() {
    let order = placed([line(1, "A", 2), line(2, "A", 99)]);
    let short = [because(2, "A", Code::OutOfStock, Some(8))];
    let rejected = OrderRejected {
        order_id: "o".to_owned(),
        refused: short.to_vec(),
        released: held(&[line(1, "A", 2)]),
    };
    given(history![order]).when(answer(&[(1, 500)], &short)).then(history![rejected]);
}

#[test]
fn a_late_answer_is_recorded_where_it_refuses_and_given_back_where_it_holds() {
    let cancelled = OrderCancelled {
        order_id: "o".to_owned(),
        reason: "changed my mind".to_owned(),
        refund_due: None,
        released: vec![],
    };
    let recorded = ReservationRecorded {
        order_id: "o".to_owned(),
        reserved: vec![],
        refused: partly().refused,
        withheld: vec![],
    };
    let released = held(&[line(1, "A", 2)]);
    let released = LateReservationReleased { order_id: "o".to_owned(), released };
    let after = under_two([basket(), cancelled.into()])
        .when(answer(&[(1, 500)], &partly().refused))
        .then(history![recorded, released]);
    assert!(after.order("o").is_settled());
}
