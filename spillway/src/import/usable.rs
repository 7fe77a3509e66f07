//! Which lines can be imported: the one place for that rule.

use domain::bounds::{QUANTITY_MAX, is_identifier};

use super::{
    price,
    reason::Reason,
    sheet::{Columns, Fields, Row},
};

/// Most characters of an invoice number: leaves room for what makes it an id or a key.
pub(super) const INVOICE_CHARS_MAX: usize = 64;

/// A line that becomes a line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sku: String,
    /// What the file calls the product; may be empty.
    pub(super) description: String,
    /// Pieces, at least 1.
    pub(super) quantity: i64,
    /// Price of a piece in the file, in minor units.
    pub(super) price: i64,
    /// Absent for guests.
    pub(super) customer: Option<String>,
}

/// Reads a row as a usable line.
///
/// # Errors
/// The first reason, from left to right, why it is none.
pub(super) fn line(row: Row) -> Result<Line, Reason> {
    let fields =
        row.fields.map_err(|Columns { found, expected }| Reason::Columns { found, expected })?;
    invoice(&row.invoice)?;
    let Fields { sku, description, quantity, price, customer } = fields;
    if !is_product_code(&sku) {
        return Err(Reason::NoProductCode);
    }
    let quantity = self::quantity(&quantity)?;
    let price = price::minor_units(&price)?;
    let customer = self::customer(&customer)?;
    Ok(Line { sku, description, quantity, price, customer })
}

fn invoice(number: &str) -> Result<(), Reason> {
    match number {
        "" => Err(Reason::NoInvoice),
        _ if number.starts_with('C') => Err(Reason::Cancellation),
        _ if number.len() > INVOICE_CHARS_MAX || !is_identifier(number) => {
            Err(Reason::InvoiceUnusable)
        }
        _ => Ok(()),
    }
}

/// Five digits with up to two letters; upper and lower case are different products.
fn is_product_code(sku: &str) -> bool {
    sku.len() <= 7
        && sku.split_at_checked(5).is_some_and(|(digits, letters)| {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
}

fn quantity(text: &str) -> Result<i64, Reason> {
    match text.parse() {
        Ok(..=0) => Err(Reason::QuantityNotAboveZero),
        Ok(pieces @ 1..=QUANTITY_MAX) => Ok(pieces),
        Ok(_) => Err(Reason::QuantityTooHigh),
        Err(_) => Err(Reason::QuantityUnreadable),
    }
}

/// The set was once written through floats, which left `.0` behind whole numbers.
fn customer(text: &str) -> Result<Option<String>, Reason> {
    match text.strip_suffix(".0").unwrap_or(text) {
        "" => Ok(None),
        id if is_identifier(id) => Ok(Some(id.to_owned())),
        _ => Err(Reason::CustomerUnusable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(invoice: &str, sku: &str, quantity: &str, price: &str, customer: &str) -> Row {
        let fields = Fields {
            sku: sku.to_owned(),
            description: "MUG".to_owned(),
            quantity: quantity.to_owned(),
            price: price.to_owned(),
            customer: customer.to_owned(),
        };
        Row { line: 2, invoice: invoice.to_owned(), fields: Ok(fields) }
    }

    #[test]
    fn a_usable_line_keeps_its_code_and_loses_the_float_of_its_customer() {
        let line = line(row("536365", "15056bl", "6", "2.55", "17850.0")).unwrap();
        assert_eq!(line.sku, "15056bl");
        assert_eq!((line.quantity, line.price), (6, 255));
        assert_eq!(line.customer.as_deref(), Some("17850"));
    }

    #[test]
    fn a_guest_has_no_customer() {
        assert_eq!(line(row("1", "22752", "1", "1", "")).unwrap().customer, None);
    }

    #[test]
    fn every_reason_is_found() {
        let long = "9".repeat(INVOICE_CHARS_MAX + 1);
        for (row, reason) in [
            (row("", "22752", "1", "1", ""), Reason::NoInvoice),
            (row("C536379", "D", "-1", "27.50", ""), Reason::Cancellation),
            (row(&long, "22752", "1", "1", ""), Reason::InvoiceUnusable),
            (row("5363\u{fffd}", "22752", "1", "1", ""), Reason::InvoiceUnusable),
            (row("1", "POST", "1", "1", ""), Reason::NoProductCode),
            (row("1", "2275", "1", "1", ""), Reason::NoProductCode),
            (row("1", "22752ABC", "1", "1", ""), Reason::NoProductCode),
            (row("1", "227520", "1", "1", ""), Reason::NoProductCode),
            (row("1", "2275é", "1", "1", ""), Reason::NoProductCode),
            (row("1", "BANK CHARGES", "1", "1", ""), Reason::NoProductCode),
            (row("1", "22752", "six", "1", ""), Reason::QuantityUnreadable),
            (row("1", "22752", "1.5", "1", ""), Reason::QuantityUnreadable),
            (row("1", "22752", "0", "1", ""), Reason::QuantityNotAboveZero),
            (row("1", "22752", "-10", "1", ""), Reason::QuantityNotAboveZero),
            (row("1", "22752", "1000001", "1", ""), Reason::QuantityTooHigh),
            (row("1", "22752", "1", "", ""), Reason::PriceUnreadable),
            (row("1", "22752", "1", "0.0", ""), Reason::PriceNotAboveZero),
            (row("1", "22752", "1", "0.001", ""), Reason::PriceTooFine),
            (row("1", "22752", "1", "10000001", ""), Reason::PriceTooHigh),
            (row("1", "22752", "1", "1", "Zoë"), Reason::CustomerUnusable),
        ] {
            assert_eq!(line(row), Err(reason));
        }
    }

    #[test]
    fn a_line_with_other_columns_says_how_many() {
        let fields = Err(Columns { found: 3, expected: 8 });
        let row = Row { line: 2, invoice: "C1".to_owned(), fields };
        assert_eq!(line(row).unwrap_err().to_string(), "3 columns instead of 8");
    }
}
