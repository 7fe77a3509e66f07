//! A file in the format of the Online Retail set, with the table that importing it must give.
//!
//! It is as untidy as the real one, on purpose and always in the same way: cancellations, lines that
//! are no products, prices that change, descriptions with commas, guests, one SKU twice in an
//! invoice. What the table must be is counted here while the lines are written, not by the import.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::{Value, json};

/// A made-up file.
#[derive(Debug)]
pub struct Retail {
    /// The CSV.
    pub text: String,
    /// `invoices` and `lines` as `spillway import --output json` must print them.
    pub table: Value,
    /// (line, invoice) of every line that must be skipped, in order.
    pub skipped: Vec<(u64, String)>,
    /// Invoices that must be placed.
    pub placed: usize,
}

impl Retail {
    /// A file of so many invoices.
    #[must_use]
    pub fn of(invoices: usize) -> Self {
        let mut sheet = Sheet::default();
        for number in 0..invoices {
            sheet.invoice(number);
        }
        let placed = sheet.placed;
        let table = json!({
            "invoices": {
                "total": invoices,
                "placed": placed,
                "rejected": 0,
                "skipped": invoices - placed,
            },
            "lines": {
                "total": sheet.line - 1,
                "placed": sheet.usable,
                "rejected": 0,
                "skipped": sheet.skipped.len(),
                "repriced": sheet.repriced,
            },
        });
        Self { text: sheet.text, table, skipped: sheet.skipped, placed }
    }
}

/// A file that is being written.
#[derive(Debug)]
struct Sheet {
    text: String,
    /// Number of the last line; the head is line 1.
    line: u64,
    placed: usize,
    usable: usize,
    repriced: usize,
    skipped: Vec<(u64, String)>,
    /// The first price of each product, which is the one that counts.
    prices: HashMap<String, usize>,
}

impl Default for Sheet {
    fn default() -> Self {
        let head =
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
        Self {
            text: head.to_owned(),
            line: 1,
            placed: 0,
            usable: 0,
            repriced: 0,
            skipped: Vec::new(),
            prices: HashMap::new(),
        }
    }
}

impl Sheet {
    fn invoice(&mut self, number: usize) {
        if number % 10 == 9 {
            return self.cancellation(number);
        }
        let name = (700_000 + number).to_string();
        if number % 25 == 7 {
            self.unusable(&name, "POST,POSTAGE", "1", "18.00");
            return self.unusable(&name, "21730,\"GLASS STAR, FROSTED\"", "6", "0.00");
        }
        self.placed += 1;
        for nth in 0..=number % 5 {
            self.product(&name, number * 7 + nth * 3, number + nth);
        }
        if number.is_multiple_of(13) {
            self.product(&name, number * 7, number);
        }
        if number.is_multiple_of(6) {
            self.unusable(&name, "84406B,COAT HANGER", "0", "2.75");
        }
    }

    fn cancellation(&mut self, number: usize) {
        let name = format!("C{}", 700_000 + number);
        for quantity in ["-1", "-12"] {
            self.unusable(&name, "22752,SET 7 BABUSHKA NESTING BOXES", quantity, "7.65");
        }
    }

    fn product(&mut self, invoice: &str, which: usize, variation: usize) {
        let which = which % 60;
        let code = format!("{}{}", 40_000 + which, ["", "A", "BL"][which % 3]);
        let raise = if variation.is_multiple_of(11) { 50 } else { 0 };
        let price = 100 + which * 37 % 900 + raise;
        self.usable += 1;
        if *self.prices.entry(code.clone()).or_insert(price) != price {
            self.repriced += 1;
        }
        let price = format!("{}.{:02}", price / 100, price % 100);
        let quantity = (1 + variation % 12).to_string();
        self.write(invoice, &format!("{code},\"PRODUCT {which}, BOXED\""), &quantity, &price);
    }

    fn unusable(&mut self, invoice: &str, product: &str, quantity: &str, price: &str) {
        self.write(invoice, product, quantity, price);
        self.skipped.push((self.line, invoice.to_owned()));
    }

    fn write(&mut self, invoice: &str, product: &str, quantity: &str, price: &str) {
        self.line += 1;
        // Every fourth customer is a guest.
        let customer = match self.line % 4 {
            0 => String::new(),
            rest => format!("{}.0", 17_000 + rest),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            self.text,
            "{invoice},{product},{quantity},2010-12-01 08:26:00,{price},{customer},United Kingdom"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_always_the_same_and_as_untidy_as_the_real_one() {
        let retail = Retail::of(50);
        assert_eq!(retail.text, Retail::of(50).text);
        assert_eq!(retail.table["invoices"]["total"], 50);
        assert_eq!(retail.placed, 50 - 5 - 2);
        assert!(retail.table["lines"]["repriced"].as_u64() > Some(0), "{}", retail.table);
        let lines = u64::try_from(retail.text.lines().count()).unwrap();
        assert_eq!(retail.table["lines"]["total"], lines - 1);
        assert!(retail.skipped.iter().any(|(_, invoice)| invoice.starts_with('C')));
    }
}
