//! Client commands on products.

use domain::{bounds::ON_HAND_MAX, product::DELIVERIES_KEPT, refusal::Code};
use events::{
    Event,
    command::{AdjustStock, ChangePrice, ReceiveStock, RegisterProduct},
    product::{PriceChanged, StockAdjusted, StockReserved},
};

use crate::kit::{eur, given, history, received, registered};

fn register(name: &str, price: events::Money) -> RegisterProduct {
    RegisterProduct { sku: "A".to_owned(), name: name.to_owned(), price }
}

fn change_price(price: events::Money) -> ChangePrice {
    ChangePrice { sku: "A".to_owned(), price }
}

fn price_changed(amount: i64) -> PriceChanged {
    PriceChanged { sku: "A".to_owned(), price: eur(amount) }
}

fn receive(reference: &str, quantity: i64) -> ReceiveStock {
    ReceiveStock { sku: "A".to_owned(), reference: reference.to_owned(), quantity }
}

fn adjust(quantity: i64) -> AdjustStock {
    AdjustStock { sku: "A".to_owned(), quantity, reason: "count".to_owned() }
}

fn adjusted(quantity: i64) -> StockAdjusted {
    StockAdjusted { sku: "A".to_owned(), quantity, reason: "count".to_owned() }
}

fn holding(quantity: i64) -> StockReserved {
    StockReserved {
        sku: "A".to_owned(),
        order_id: "o".to_owned(),
        quantity,
        unit_price: 500,
        lines: vec![1],
    }
}

#[test]
fn a_product_is_registered_once_without_stock() {
    let after =
        given([]).when(register("Product A", eur(500))).then(history![registered("A", 500)]);
    let product = after.product("A");
    assert_eq!((product.on_hand(), product.reserved()), (0, 0));
    assert_eq!(product.price(), eur(500));
}

#[test]
fn a_repeated_registration_is_harmless_even_after_a_price_change() {
    given(history![registered("A", 500), price_changed(700)])
        .when(register("Product A", eur(500)))
        .then_nothing();
}

#[test]
fn a_registration_with_other_data_is_refused() {
    for other in [
        register("Another", eur(500)),
        register("Product A", eur(700)),
        register("Product A", events::Money::new(500, "USD")),
    ] {
        given(history![registered("A", 500), price_changed(700)])
            .when(other)
            .then_refused(Code::AlreadyRegistered);
    }
}

#[test]
fn a_price_changes_but_never_its_currency() {
    given(history![registered("A", 500)])
        .when(change_price(eur(700)))
        .then(history![price_changed(700)]);
    given(history![registered("A", 500)]).when(change_price(eur(500))).then_nothing();
    given(history![registered("A", 500)])
        .when(change_price(events::Money::new(500, "USD")))
        .then_refused(Code::CurrencyMismatch);
}

#[test]
fn a_delivery_counts_once() {
    let after = given(history![registered("A", 500)])
        .when(receive("note 1", 10))
        .then(history![received("A", "note 1", 10)])
        .when(receive("note 1", 10))
        .then_nothing()
        .when(receive("note 1", 11))
        .then_refused(Code::ReferenceReused);
    assert_eq!(after.product("A").available(), 10);
}

#[test]
fn a_product_remembers_its_newest_deliveries() {
    let mut history = Vec::from(history![registered("A", 500)]);
    let notes = 0..=DELIVERIES_KEPT;
    history.extend(notes.map(|n| Event::from(received("A", &format!("note {n}"), 1))));
    given(history.clone()).when(receive("note 1", 1)).then_nothing();
    given(history).when(receive("note 0", 1)).then(history![received("A", "note 0", 1)]);
}

#[test]
fn stock_stays_below_its_limit() {
    let full = given(history![registered("A", 500)]).with_on_hand("A", ON_HAND_MAX);
    full.when(receive("one more", 1))
        .then_refused(Code::StockLimit)
        .when(adjust(1))
        .then_refused(Code::StockLimit)
        .when(adjust(-1))
        .then(history![adjusted(-1)])
        .when(receive("one more", 1))
        .then(history![received("A", "one more", 1)]);
}

#[test]
fn an_adjustment_never_takes_what_is_held() {
    let history = history![registered("A", 500), received("A", "note 1", 10), holding(4)];
    given(history.clone())
        .when(adjust(-6))
        .then(history![adjusted(-6)])
        .when(adjust(-1))
        .then_refused(Code::BelowReserved);
    given(history).when(adjust(-7)).then_refused(Code::BelowReserved);
}

#[test]
fn an_unknown_sku_is_refused() {
    given([]).when(change_price(eur(1))).then_refused(Code::UnknownSku);
    given([]).when(receive("note 1", 1)).then_refused(Code::UnknownSku);
    given([]).when(adjust(1)).then_refused(Code::UnknownSku);
}
