//! What clients may ask at most.

use domain::{
    bounds::{self, Violation, check, is_currency, is_identifier, is_sku, is_text},
    refusal::Code,
};
use events::{
    Command,
    command::{AdjustStock, PlaceOrder, RegisterProduct},
    line::OrderLine,
};

use crate::kit::{eur, given, line};

fn pointers(command: impl Into<Command>) -> Vec<String> {
    let violations = check(&command.into());
    violations.into_iter().map(|v| v.pointer).collect()
}

fn place(lines: Vec<OrderLine>) -> PlaceOrder {
    PlaceOrder { order_id: "o".to_owned(), customer_id: None, currency: "EUR".to_owned(), lines }
}

#[test]
fn texts_are_bounded() {
    assert!(is_sku("Shoe.42_red-L") && is_sku(&"x".repeat(64)));
    assert!(!is_sku("") && !is_sku(&"x".repeat(65)) && !is_sku("a b") && !is_sku("é"));
    assert!(is_identifier("note 17/a") && is_identifier(&"x".repeat(128)));
    assert!(!is_identifier("") && !is_identifier(&"x".repeat(129)));
    assert!(!is_identifier(" x") && !is_identifier("x ") && !is_identifier("x\n"));
    assert!(is_text("Größe 42") && is_text(&"é".repeat(256)));
    assert!(!is_text("") && !is_text(&"é".repeat(257)) && !is_text("a\u{7}b"));
    assert!(is_currency("EUR") && !is_currency("eur") && !is_currency("EURO"));
}

#[test]
fn all_violations_are_found_at_once() {
    let command = RegisterProduct {
        sku: "a b".to_owned(),
        name: String::new(),
        price: events::Money::new(0, "€"),
    };
    let all = ["/sku", "/name", "/price/amount", "/price/currency"];
    assert_eq!(pointers(command.clone()), all);
    given([]).when(command).then_refused(Code::Invalid);
}

#[test]
fn an_order_has_a_bounded_number_of_lines() {
    assert_eq!(pointers(place(vec![])), ["/lines"]);
    let lines = |count| (1..=count).map(|n| line(n, "A", 1)).collect();
    assert_eq!(pointers(place(lines(1_000))), Vec::<String>::new());
    assert_eq!(pointers(place(lines(1_001))), ["/lines"]);
}

#[test]
fn lines_carry_their_numbers_once() {
    let numbers = [2, 1, 2, 5, 0, i32::MIN];
    let lines = numbers.map(|n| line(n, "A", 1)).to_vec();
    let wrong = ["/lines/2/line", "/lines/4/line", "/lines/5/line"];
    assert_eq!(pointers(place(lines)), wrong);
}

#[test]
fn the_fields_of_a_line_are_bounded() {
    let bad = OrderLine { unit_price_max: Some(1_000_000_001), ..line(2, "", 1_000_001) };
    let wrong = ["/lines/1/sku", "/lines/1/quantity", "/lines/1/unit_price_max"];
    assert_eq!(pointers(place(vec![line(1, "A", 1), bad])), wrong);
}

#[test]
fn an_adjustment_changes_something_up_or_down() {
    let adjust =
        |quantity| AdjustStock { sku: "A".to_owned(), quantity, reason: "count".to_owned() };
    for fine in [1, -1, 1_000_000, -1_000_000] {
        assert_eq!(pointers(adjust(fine)), Vec::<String>::new());
    }
    for wrong in [0, 1_000_001, -1_000_001, i64::MIN] {
        assert_eq!(pointers(adjust(wrong)), ["/quantity"]);
    }
}

#[test]
fn a_payment_reaches_the_highest_total_and_no_more() {
    let pay = |amount| crate::order::pay(eur(amount));
    assert_eq!(pointers(pay(bounds::TOTAL_MAX)), Vec::<String>::new());
    assert_eq!(pointers(pay(bounds::TOTAL_MAX + 1)), ["/amount"]);
    assert_eq!(pointers(pay(0)), ["/amount"]);
}

#[test]
fn the_refusal_names_the_first_violation_and_counts_the_others() {
    let violation =
        |pointer: &str| Violation { pointer: pointer.to_owned(), sentence: "A rule.".to_owned() };
    let two = [violation("/sku"), violation("/name")];
    let refusal = bounds::refusal(&two).expect("violations refuse");
    assert_eq!(refusal.code, "invalid");
    assert_eq!(refusal.detail, "/sku: A rule. (1 more.)");
    assert_eq!(bounds::refusal(&[]), None);
}

#[test]
fn every_code_reads_back_from_its_text() {
    for code in Code::ALL {
        assert_eq!(Code::of_text(code.as_str()), Some(code));
    }
    assert_eq!(Code::of_text("out_of_stock"), None);
}
