//! Product shards answer an order: in any order, some early, some late.

use domain::{
    order::{Status, placement_verdict},
    refusal::Code,
};
use events::{
    Event, Kind, Position, ShardId,
    command::RecordReservation,
    line::{PricedLine, RefusedLine, ReservedLine},
    order::{
        LateReservationReleased, OrderCancelled, OrderPlaced, OrderRejected, OrderReserved,
        ReservationRecorded,
    },
    partitioner::shard_of,
    position::Mark,
};

use crate::{
    kit::{DEADLINE, eur, given, held, history, line, parameters, placed},
    order::{cancel, cancelled},
};

fn answer(reserved: &[(i32, i64)], refused: &[RefusedLine]) -> RecordReservation {
    RecordReservation {
        order_id: "o".to_owned(),
        reserved: priced(reserved),
        refused: refused.to_vec(),
        position: Position::new(ShardId::new(Kind::Products, 0), Mark::default()),
    }
}

fn recorded(reserved: &[(i32, i64)], refused: &[RefusedLine]) -> ReservationRecorded {
    ReservationRecorded {
        order_id: "o".to_owned(),
        reserved: priced(reserved),
        refused: refused.to_vec(),
        withheld: vec![],
    }
}

fn priced(lines: &[(i32, i64)]) -> Vec<ReservedLine> {
    let lines = lines.iter();
    lines.map(|&(line, unit_price)| ReservedLine { line, unit_price }).collect()
}

fn sold_out(line: i32, sku: &str) -> RefusedLine {
    RefusedLine {
        line,
        sku: sku.to_owned(),
        reason: Code::OutOfStock.as_str().to_owned(),
        available: Some(0),
    }
}

fn unknown(line: i32, sku: &str) -> RefusedLine {
    RefusedLine {
        line,
        sku: sku.to_owned(),
        reason: Code::UnknownSku.as_str().to_owned(),
        available: None,
    }
}

/// A and B live in two product shards.
fn basket() -> OrderPlaced {
    let shard = |sku: &str| shard_of(Kind::Products, sku, parameters().products_partitions);
    assert_ne!(shard("A"), shard("B"));
    placed([line(1, "A", 1), line(2, "B", 2), line(3, "A", 4)])
}

fn priced_line(line: &events::line::OrderLine, unit_price: i64) -> PricedLine {
    PricedLine { line: line.line, sku: line.sku.clone(), quantity: line.quantity, unit_price }
}

#[test]
fn the_last_answer_reserves_the_order_and_starts_the_payment_deadline() {
    let lines = &basket().lines;
    let reserved = OrderReserved {
        order_id: "o".to_owned(),
        lines: vec![
            priced_line(&lines[0], 500),
            priced_line(&lines[1], 30),
            priced_line(&lines[2], 500),
        ],
        total: eur(5 * 500 + 2 * 30),
        payment_deadline: DEADLINE,
    };
    let after = given(history![basket()])
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then(history![recorded(&[(1, 500), (3, 500)], &[])])
        .when(answer(&[(2, 30)], &[]))
        .then(history![reserved]);
    assert_eq!(after.order("o").payment_deadline(), Some(DEADLINE));
}

#[test]
fn one_refused_line_rejects_the_order_with_the_last_answer() {
    let rejected = OrderRejected {
        order_id: "o".to_owned(),
        refused: vec![sold_out(2, "B")],
        released: held(&[line(1, "A", 1), line(3, "A", 4)]),
    };
    let after = given(history![basket()])
        .when(answer(&[], &[sold_out(2, "B")]))
        .then(history![recorded(&[], &[sold_out(2, "B")])])
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then(history![rejected.clone()]);
    assert_eq!(after.order("o").status(), Status::Rejected);
    assert!(after.order("o").is_settled());

    given(history![basket()])
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then(history![recorded(&[(1, 500), (3, 500)], &[])])
        .when(answer(&[], &[sold_out(2, "B")]))
        .then(history![rejected]);
}

#[test]
fn a_rejection_lists_the_refused_lines_of_all_shards_by_number() {
    let rejected = OrderRejected {
        order_id: "o".to_owned(),
        refused: vec![unknown(1, "A"), sold_out(2, "B"), unknown(3, "A")],
        released: vec![],
    };
    given(history![basket()])
        .when(answer(&[], &[sold_out(2, "B")]))
        .then(history![recorded(&[], &[sold_out(2, "B")])])
        .when(answer(&[], &[unknown(1, "A"), unknown(3, "A")]))
        .then(history![rejected.clone()]);

    let verdict = placement_verdict(&Event::from(rejected)).flatten();
    let refusal = verdict.expect("a rejection refuses the waiting PlaceOrder");
    assert_eq!(refusal.code, "unknown-sku");
    assert_eq!(refusal.lines.len(), 3);
}

#[test]
fn an_answer_that_was_taken_before_changes_nothing() {
    given(history![basket(), recorded(&[(1, 500), (3, 500)], &[])])
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then_nothing();
}

#[test]
fn stock_held_for_an_order_that_no_longer_waits_is_given_back() {
    let only_held =
        OrderCancelled { released: held(&[line(2, "B", 2)]), ..cancelled(&basket(), None) };
    let cancelled = given(history![basket(), recorded(&[(2, 30)], &[])])
        .when(cancel())
        .then(history![only_held]);
    assert!(!cancelled.order("o").is_settled());

    let late = LateReservationReleased {
        order_id: "o".to_owned(),
        released: held(&[line(1, "A", 1), line(3, "A", 4)]),
    };
    let settled = cancelled
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then(history![late])
        .when(answer(&[(1, 500), (3, 500)], &[]))
        .then_nothing();
    assert!(settled.order("o").is_settled());
}

#[test]
fn a_late_refusal_settles_a_cancelled_order() {
    let nothing_held = OrderCancelled { released: vec![], ..cancelled(&basket(), None) };
    let refusals = [vec![sold_out(2, "B")], vec![unknown(1, "A"), unknown(3, "A")]];
    let mut order = given(history![basket(), nothing_held]);
    for refused in refusals {
        assert!(!order.order("o").is_settled());
        order = order.when(answer(&[], &refused)).then(history![recorded(&[], &refused)]);
    }
    assert!(order.order("o").is_settled());
}

/// Lines 1 and 2 live in one product shard, line 3 in another.
fn neighbours() -> OrderPlaced {
    let shard = |sku: &str| shard_of(Kind::Products, sku, parameters().products_partitions);
    let skus: Vec<String> = (0..100).map(|n| format!("sku-{n}")).collect();
    let (beside, away): (Vec<&String>, Vec<&String>) =
        skus.iter().partition(|sku| shard(sku) == shard("sku-0"));
    placed([line(1, beside[0], 1), line(2, beside[1], 1), line(3, away[0], 1)])
}

fn recorded_beside() -> ReservationRecorded {
    ReservationRecorded { withheld: vec![2], ..recorded(&[], &[sold_out(1, "sku-0")]) }
}

#[test]
fn a_refusal_answers_for_the_lines_beside_it_too() {
    let rejected = OrderRejected {
        order_id: "o".to_owned(),
        refused: vec![sold_out(1, "sku-0")],
        released: held(&neighbours().lines[2..]),
    };
    let refusal = answer(&[], &[sold_out(1, "sku-0")]);
    let reservation = answer(&[(3, 5)], &[]);
    let refused_first = given(history![neighbours()])
        .when(refusal.clone())
        .then(history![recorded_beside()])
        .when(refusal.clone())
        .then_nothing()
        .when(reservation.clone())
        .then(history![rejected.clone()]);
    let refused_last = given(history![neighbours()])
        .when(reservation)
        .then(history![recorded(&[(3, 5)], &[])])
        .when(refusal)
        .then(history![rejected]);
    assert_eq!(refused_first.order("o").lines(), refused_last.order("o").lines());
    assert!(refused_last.order("o").is_settled());
}

#[test]
fn a_late_refusal_settles_the_lines_beside_it_too() {
    let nothing_held = OrderCancelled { released: vec![], ..cancelled(&neighbours(), None) };
    let late = LateReservationReleased {
        order_id: "o".to_owned(),
        released: held(&neighbours().lines[2..]),
    };
    let settled = given(history![neighbours(), nothing_held])
        .when(answer(&[(3, 5)], &[]))
        .then(history![late])
        .when(answer(&[], &[sold_out(1, "sku-0")]))
        .then(history![recorded_beside()]);
    assert!(settled.order("o").is_settled());
}

#[test]
#[should_panic(expected = "left too early or was never placed")]
fn an_answer_to_no_order_is_a_broken_invariant() {
    let _ = given([]).when(answer(&[(1, 500)], &[]));
}

#[test]
#[should_panic(expected = "which has no such line")]
fn an_answer_to_no_line_is_a_broken_invariant() {
    let _ = given(history![basket()]).when(answer(&[(4, 500)], &[]));
}

#[test]
fn a_waiting_place_order_learns_of_reservation_rejection_and_cancellation() {
    let reserved = crate::kit::reserved(&basket(), 5);
    assert_eq!(placement_verdict(&Event::from(reserved)), Some(None));
    let cancelled = placement_verdict(&Event::from(cancelled(&basket(), None)));
    let refusal = cancelled.flatten().expect("a cancellation refuses it");
    assert_eq!(refusal.code, "cancelled");
    assert_eq!(placement_verdict(&Event::from(basket())), None);
    let recorded = Event::from(recorded(&[(2, 30)], &[]));
    assert_eq!(placement_verdict(&recorded), None);
}
