//! Events that decide never wrote are found when they are folded.

use domain::{Misfit, Order, Product, order, product};
use events::{Event, line::LineQuantity, order::OrderReserved, product::StockReleased};

use crate::{
    kit::{eur, history, received, registered, reserved},
    order::{basket, cancelled, expired, paid, shipped},
};

fn fold_order(history: &[Event]) -> Result<Option<Order>, Misfit> {
    history.iter().try_fold(None, |order, event| {
        order::evolve(order, event).map(Some).map_err(|unfit| unfit.misfit)
    })
}

fn fold_product(history: &[Event]) -> Result<Option<Product>, Misfit> {
    history.iter().try_fold(None, |product, event| {
        product::evolve(product, event).map(Some).map_err(|unfit| unfit.misfit)
    })
}

#[test]
fn a_history_without_its_beginning_is_unfit() {
    assert_eq!(fold_order(&history![paid(1)]), Err(Misfit::Absent));
    let stock = history![received("A", "note 1", 1)];
    assert_eq!(fold_product(&stock), Err(Misfit::Absent));
}

#[test]
fn a_second_beginning_is_unfit() {
    let twice = history![basket(), basket()];
    assert_eq!(fold_order(&twice), Err(Misfit::Present));
    let twice = history![registered("A", 1), registered("A", 1)];
    assert_eq!(fold_product(&twice), Err(Misfit::Present));
}

#[test]
fn an_event_of_something_else_is_unfit() {
    let other = history![registered("A", 1), received("B", "note 1", 1)];
    assert_eq!(fold_product(&other), Err(Misfit::OtherKey("A".to_owned())));
    let foreign = history![registered("o", 1), paid(1)];
    assert_eq!(fold_product(&foreign), Err(Misfit::Foreign));
}

#[test]
fn an_event_out_of_turn_is_unfit() {
    let unpaid = history![basket(), reserved(&basket(), 5), shipped(&basket())];
    let status = order::Status::Reserved;
    assert_eq!(fold_order(&unpaid), Err(Misfit::Status(status)));
}

#[test]
fn a_total_or_a_payment_that_does_not_add_up_is_unfit() {
    let short = OrderReserved { total: eur(14), ..reserved(&basket(), 5) };
    assert_eq!(fold_order(&history![basket(), short]), Err(Misfit::Amount));
    let mut twice = reserved(&basket(), 5);
    twice.lines.push(twice.lines[0].clone());
    twice.total = eur(20);
    assert_eq!(fold_order(&history![basket(), twice]), Err(Misfit::Amount));
    let short = history![basket(), reserved(&basket(), 5), paid(14)];
    assert_eq!(fold_order(&short), Err(Misfit::Amount));
    let free = history![basket(), reserved(&basket(), 5), cancelled(&basket(), Some(eur(15)))];
    assert_eq!(fold_order(&free), Err(Misfit::Amount));
}

#[test]
fn held_stock_that_is_forgotten_or_given_back_twice_is_unfit() {
    let start = || history![basket(), reserved(&basket(), 5)];
    let mut forgotten = expired(&basket());
    forgotten.released.pop();
    let history = [&start()[..], &history![forgotten]].concat();
    assert_eq!(fold_order(&history), Err(Misfit::Unsettled));

    let mut twice = expired(&basket());
    twice.released.push(LineQuantity { line: 2, sku: "B".to_owned(), quantity: 2 });
    let history = [&start()[..], &history![twice]].concat();
    assert_eq!(fold_order(&history), Err(Misfit::Line(2)));
}

#[test]
fn stock_below_nothing_is_unfit() {
    let released = StockReleased { sku: "A".to_owned(), order_id: "o".to_owned(), quantity: 1 };
    let history = history![registered("A", 1), received("A", "note 1", 3), released];
    let (on_hand, reserved) = (3, -1);
    let misfit = Misfit::Stock { on_hand, reserved };
    assert_eq!(fold_product(&history), Err(misfit));
}
