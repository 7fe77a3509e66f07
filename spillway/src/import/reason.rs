//! Why a line of the file is not imported.

use std::fmt;

use domain::bounds::{LINES_MAX, QUANTITY_MAX, UNIT_PRICE_MAX};
use serde::{Serialize, Serializer};

use super::usable::INVOICE_CHARS_MAX;

/// Why a line is skipped; its text is a phrase for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// The line is not made like the head.
    Columns {
        found: usize,
        expected: usize,
    },
    NoInvoice,
    InvoiceUnusable,
    /// The whole invoice takes an earlier one back.
    Cancellation,
    /// Postage, fees, samples and the like.
    NoProductCode,
    QuantityUnreadable,
    QuantityNotAboveZero,
    QuantityTooHigh,
    PriceUnreadable,
    PriceNotAboveZero,
    PriceTooFine,
    PriceTooHigh,
    CustomerUnusable,
    /// The invoice has more usable lines than an order takes.
    TooManyLines {
        usable: usize,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Columns { found, expected } => {
                write!(f, "{found} columns instead of {expected}")
            }
            Reason::NoInvoice => f.write_str("no invoice number"),
            Reason::InvoiceUnusable => {
                write!(f, "invoice number is not 1 to {INVOICE_CHARS_MAX} printable characters")
            }
            Reason::Cancellation => f.write_str("cancellation"),
            Reason::NoProductCode => f.write_str("code is not five digits with up to two letters"),
            Reason::QuantityUnreadable => f.write_str("quantity is no whole number"),
            Reason::QuantityNotAboveZero => f.write_str("quantity is not above zero"),
            Reason::QuantityTooHigh => write!(f, "quantity is above {QUANTITY_MAX}"),
            Reason::PriceUnreadable => f.write_str("price is no decimal number"),
            Reason::PriceNotAboveZero => f.write_str("price is not above zero"),
            Reason::PriceTooFine => f.write_str("price has more than two decimals"),
            Reason::PriceTooHigh => write!(f, "price is above {}", UNIT_PRICE_MAX / 100),
            Reason::CustomerUnusable => {
                f.write_str("customer id is not printable or has too many characters")
            }
            Reason::TooManyLines { usable } => {
                write!(f, "invoice has {usable} usable lines, an order takes {LINES_MAX}")
            }
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
