//! One check per client command; it finds all violations at once.

use std::fmt::Arguments;

use events::{
    Command, Money,
    command::{PayOrder, PlaceOrder},
    line::OrderLine,
};

use super::{
    IDENTIFIER_CHARS_MAX, LINES_MAX, ON_HAND_MAX, QUANTITY_MAX, SKU_CHARS_MAX, TEXT_CHARS_MAX,
    TOTAL_MAX, UNIT_PRICE_MAX, Violation, is_currency, is_identifier, is_sku, is_text,
};

/// Every field of a client command that is outside its bounds, in the order of the fields.
/// Follow-ups and control records come from this system and have none.
pub fn check(command: &Command) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    match command {
        Command::RegisterProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/name"), &c.name);
            found.price(&c.price);
        }
        Command::ChangePrice(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.price(&c.price);
        }
        Command::ReceiveStock(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.identifier(format_args!("/reference"), &c.reference);
            found.quantity(format_args!("/quantity"), c.quantity);
        }
        Command::AdjustStock(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.change(c.quantity);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::DeactivateProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::ReactivateProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::SetLowStockThreshold(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.threshold(c.threshold);
        }
        Command::PlaceOrder(c) => place(&mut found, c),
        Command::PayOrder(c) => pay(&mut found, c),
        Command::CancelOrder(c) => {
            found.identifier(format_args!("/order_id"), &c.order_id);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::ShipOrder(c) => {
            found.identifier(format_args!("/order_id"), &c.order_id);
            found.identifier(format_args!("/reference"), &c.reference);
        }
        Command::ReserveStock(_)
        | Command::ReleaseStock(_)
        | Command::ShipStock(_)
        | Command::RecordReservation(_)
        | Command::Tick(_)
        | Command::ProposeRules(_)
        | Command::ActivateRules(_)
        | Command::RaiseIncarnation(_) => {}
    }
    found.0
}

fn place(found: &mut Found, command: &PlaceOrder) {
    found.identifier(format_args!("/order_id"), &command.order_id);
    if let Some(customer) = &command.customer_id {
        found.identifier(format_args!("/customer_id"), customer);
    }
    found.currency(format_args!("/currency"), &command.currency);
    let count = command.lines.len();
    if (1..=LINES_MAX).contains(&count) {
        lines(found, &command.lines);
    } else {
        // The lines are not looked at, so that a refused giant costs no more than an honest order.
        let sentence = format!("An order has 1 to {LINES_MAX} lines.");
        found.add(format_args!("/lines"), sentence);
    }
}

fn lines(found: &mut Found, lines: &[OrderLine]) {
    let mut taken = vec![false; lines.len()];
    for (index, line) in lines.iter().enumerate() {
        let number = usize::try_from(line.line).unwrap_or(0);
        let place = number.checked_sub(1).and_then(|n| taken.get_mut(n));
        let repeated_or_foreign = place.is_none_or(|taken| std::mem::replace(taken, true));
        if repeated_or_foreign {
            let sentence = "Lines carry the numbers from 1 to their count, each once.".to_owned();
            found.add(format_args!("/lines/{index}/line"), sentence);
        }
        found.sku(format_args!("/lines/{index}/sku"), &line.sku);
        found.quantity(format_args!("/lines/{index}/quantity"), line.quantity);
        if let Some(price) = line.unit_price_max {
            found.unit_price(format_args!("/lines/{index}/unit_price_max"), price);
        }
    }
}

fn pay(found: &mut Found, command: &PayOrder) {
    found.identifier(format_args!("/order_id"), &command.order_id);
    found.identifier(format_args!("/reference"), &command.reference);
    if !(1..=TOTAL_MAX).contains(&command.amount.amount) {
        let sentence = format!("A payment is 1 to {TOTAL_MAX} minor units.");
        found.add(format_args!("/amount"), sentence);
    }
    found.currency(format_args!("/currency"), &command.amount.currency);
}

/// The violations so far. Pointers are written only for fields that break their rule.
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, pointer: Arguments<'_>, sentence: String) {
        self.0.push(Violation { pointer: pointer.to_string(), sentence });
    }

    fn sku(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_sku(value) {
            let sentence =
                format!("A SKU has 1 to {SKU_CHARS_MAX} of A-Z, a-z, 0-9, '.', '_', '-'.");
            self.add(pointer, sentence);
        }
    }

    fn identifier(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_identifier(value) {
            let sentence = format!(
                "It has 1 to {IDENTIFIER_CHARS_MAX} printable ASCII characters and no space at \
                 either end."
            );
            self.add(pointer, sentence);
        }
    }

    fn text(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_text(value) {
            let sentence = format!("It has 1 to {TEXT_CHARS_MAX} characters, none of control.");
            self.add(pointer, sentence);
        }
    }

    fn currency(&mut self, pointer: Arguments<'_>, value: &str) {
        if !is_currency(value) {
            let sentence = "A currency has three capital letters, as in ISO 4217.".to_owned();
            self.add(pointer, sentence);
        }
    }

    fn price(&mut self, price: &Money) {
        self.unit_price(format_args!("/price/amount"), price.amount);
        self.currency(format_args!("/price/currency"), &price.currency);
    }

    fn unit_price(&mut self, pointer: Arguments<'_>, value: i64) {
        if !(1..=UNIT_PRICE_MAX).contains(&value) {
            let sentence = format!("A piece costs 1 to {UNIT_PRICE_MAX} minor units.");
            self.add(pointer, sentence);
        }
    }

    fn quantity(&mut self, pointer: Arguments<'_>, value: i64) {
        if !(1..=QUANTITY_MAX).contains(&value) {
            self.add(pointer, format!("A quantity is 1 to {QUANTITY_MAX} pieces."));
        }
    }

    fn threshold(&mut self, value: Option<i64>) {
        if value.is_some_and(|pieces| !(0..=ON_HAND_MAX).contains(&pieces)) {
            let sentence = format!("A threshold is 0 to {ON_HAND_MAX} pieces, or null.");
            self.add(format_args!("/threshold"), sentence);
        }
    }

    fn change(&mut self, value: i64) {
        if value == 0 || !(-QUANTITY_MAX..=QUANTITY_MAX).contains(&value) {
            let sentence = format!("A change is 1 to {QUANTITY_MAX} pieces, up or down.");
            self.add(format_args!("/quantity"), sentence);
        }
    }
}
