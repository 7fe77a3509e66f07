//! A final order answers every command with what became of it.

use domain::refusal::Code;
use events::{Event, line::RefusedLine, order::OrderRejected};

use crate::{
    kit::{DEADLINE, eur, given, history, reserved},
    order::{basket, cancel, cancelled, expired, paid, pay, place, ship, shipped},
};

fn answers(history: &[Event], code: Code) {
    let order = || given(history.to_vec()).at(DEADLINE);
    assert!(order().order("o").is_settled());
    order().when(pay(eur(1_500))).then_refused(code);
    order().when(cancel()).then_refused(code);
    order().when(ship()).then_refused(code);
    order().when(place(&basket())).then_refused(Code::OrderExists);
}

#[test]
fn a_rejected_order_stays_rejected() {
    let refused = basket().lines.into_iter().map(|line| RefusedLine {
        line: line.line,
        sku: line.sku,
        reason: Code::UnknownSku.as_str().to_owned(),
        available: None,
    });
    let rejected =
        OrderRejected { order_id: "o".to_owned(), refused: refused.collect(), released: vec![] };
    answers(&history![basket(), rejected], Code::Rejected);
}

#[test]
fn a_cancelled_order_stays_cancelled() {
    let reserved = reserved(&basket(), 500);
    let history = history![basket(), reserved, cancelled(&basket(), None)];
    answers(&history, Code::Cancelled);
}

#[test]
fn an_expired_order_stays_expired() {
    let history = history![basket(), reserved(&basket(), 500), expired(&basket())];
    answers(&history, Code::Expired);
}

#[test]
fn a_shipped_order_stays_shipped() {
    let reserved = reserved(&basket(), 500);
    let history = history![basket(), reserved, paid(1_500), shipped(&basket())];
    answers(&history, Code::AlreadyShipped);
}
