//! The check of a client command; it finds all violations at once.

use std::fmt::Arguments;

use events::{Command, Kind, Money, command::Author};

use super::{
    IDENTIFIER_CHARS_MAX, ON_HAND_MAX, QUANTITY_MAX, SKU_CHARS_MAX, TEXT_CHARS_MAX, UNIT_PRICE_MAX,
    Violation, is_currency, is_identifier, is_sku, is_text,
};
use crate::{order, product};

/// Every field of a client command that is outside its bounds, in the order of the fields.
/// Follow-ups and control records come from this system and have none.
pub fn check(command: &Command) -> Vec<Violation> {
    let mut found = Found::default();
    match command.kind() {
        _ if command.author() != Author::Client => {}
        Some(Kind::Orders) => order::check(&mut found, command),
        Some(Kind::Products) => product::check(&mut found, command),
        None => {}
    }
    found.0
}

/// The violations so far. Pointers are written only for fields that break their rule.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Violation>);

impl Found {
    pub(crate) fn add(&mut self, pointer: Arguments<'_>, sentence: String) {
        self.0.push(Violation { pointer: pointer.to_string(), sentence });
    }

    pub(crate) fn sku(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_sku(value) {
            let sentence =
                format!("A SKU has 1 to {SKU_CHARS_MAX} of A-Z, a-z, 0-9, '.', '_', '-'.");
            self.add(pointer, sentence);
        }
    }

    pub(crate) fn identifier(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_identifier(value) {
            let sentence = format!(
                "It has 1 to {IDENTIFIER_CHARS_MAX} printable ASCII characters and no space at \
                 either end."
            );
            self.add(pointer, sentence);
        }
    }

    pub(crate) fn text(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_text(value) {
            let sentence = format!("It has 1 to {TEXT_CHARS_MAX} characters, none of control.");
            self.add(pointer, sentence);
        }
    }

    pub(crate) fn currency(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_currency(value) {
            let sentence = "A currency has three capital letters, as in ISO 4217.".to_owned();
            self.add(pointer, sentence);
        }
    }

    pub(crate) fn price(&mut self, price: &Money) {
        self.unit_price(format_args!("/price/amount"), price.amount);
        self.currency(format_args!("/price/currency"), &price.currency);
    }

    pub(crate) fn unit_price(&mut self, pointer: Arguments<'_>, value: i64) {
        if !(1..=UNIT_PRICE_MAX).contains(&value) {
            let sentence = format!("A piece costs 1 to {UNIT_PRICE_MAX} minor units.");
            self.add(pointer, sentence);
        }
    }

    pub(crate) fn quantity(&mut self, pointer: Arguments<'_>, value: i64) {
        if !(1..=QUANTITY_MAX).contains(&value) {
            self.add(pointer, format!("A quantity is 1 to {QUANTITY_MAX} pieces."));
        }
    }

    pub(crate) fn threshold(&mut self, value: Option<i64>) {
        if value.is_some_and(|pieces| !(0..=ON_HAND_MAX).contains(&pieces)) {
            let sentence = format!("A threshold is 0 to {ON_HAND_MAX} pieces, or null.");
            self.add(format_args!("/threshold"), sentence);
        }
    }

    pub(crate) fn change(&mut self, value: i64) {
        if value == 0 || !(-QUANTITY_MAX..=QUANTITY_MAX).contains(&value) {
            let sentence = format!("A change is 1 to {QUANTITY_MAX} pieces, up or down.");
            self.add(format_args!("/quantity"), sentence);
        }
    }
}
