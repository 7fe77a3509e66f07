//! Refusal codes: the stable words in which decide says "no".

use events::{
    line::RefusedLine,
    outcome::{PARTLY_RESERVED, Refusal},
};

/// Why a command was refused; also the reason of a refused line, and the last segment of the
/// problem type. A released code keeps its meaning for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A field is outside the bounds.
    Invalid,
    UnknownSku,
    UnknownOrder,
    /// The aggregate is no longer at the version that the caller expects.
    StaleVersion,
    /// The idempotency key was used with another body.
    KeyReused,
    OutOfStock,
    /// A piece costs more than the line's highest acceptable price.
    PriceChanged,
    CurrencyMismatch,
    /// The SKU is registered with other data.
    AlreadyRegistered,
    /// The stock on hand would fall below what is held for orders.
    BelowReserved,
    /// The delivery note was received with another quantity.
    ReferenceReused,
    /// The stock on hand would rise above its bound.
    StockLimit,
    OrderExists,
    /// Stock is still being held; payment is not awaited yet.
    NotReserved,
    AlreadyPaid,
    /// Amount or currency differ from the order's total.
    WrongAmount,
    Expired,
    Rejected,
    Cancelled,
    AlreadyShipped,
    NotPaid,
    /// The order is final and has left the state.
    Closed,
    /// The product is off sale.
    ProductInactive,
    /// The command's bytes could not be read.
    Undecodable,
    /// The command made decide fail.
    Internal,
}

impl Code {
    pub const ALL: [Code; 25] = [
        Code::Invalid,
        Code::UnknownSku,
        Code::UnknownOrder,
        Code::StaleVersion,
        Code::KeyReused,
        Code::OutOfStock,
        Code::PriceChanged,
        Code::CurrencyMismatch,
        Code::AlreadyRegistered,
        Code::BelowReserved,
        Code::ReferenceReused,
        Code::StockLimit,
        Code::OrderExists,
        Code::NotReserved,
        Code::AlreadyPaid,
        Code::WrongAmount,
        Code::Expired,
        Code::Rejected,
        Code::Cancelled,
        Code::AlreadyShipped,
        Code::NotPaid,
        Code::Closed,
        Code::ProductInactive,
        Code::Undecodable,
        Code::Internal,
    ];

    /// The code as it stands in events, outcomes and problem types.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Invalid => "invalid",
            Code::UnknownSku => "unknown-sku",
            Code::UnknownOrder => "unknown-order",
            Code::StaleVersion => "stale-version",
            Code::KeyReused => "key-reused",
            Code::OutOfStock => "out-of-stock",
            Code::PriceChanged => "price-changed",
            Code::CurrencyMismatch => "currency-mismatch",
            Code::AlreadyRegistered => "already-registered",
            Code::BelowReserved => "below-reserved",
            Code::ReferenceReused => "reference-reused",
            Code::StockLimit => "stock-limit",
            Code::OrderExists => "order-exists",
            Code::NotReserved => "not-reserved",
            Code::AlreadyPaid => "already-paid",
            Code::WrongAmount => "wrong-amount",
            Code::Expired => "expired",
            Code::Rejected => "rejected",
            Code::Cancelled => "cancelled",
            Code::AlreadyShipped => "already-shipped",
            Code::NotPaid => "not-paid",
            Code::Closed => "closed",
            Code::ProductInactive => "product-inactive",
            Code::Undecodable => "undecodable",
            Code::Internal => "internal",
        }
    }

    /// The code of that text; `None` for a word of a later release.
    pub fn of_text(text: &str) -> Option<Code> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// A refusal that concerns no particular line. `detail` is a sentence for people; it repeats
    /// no input whose length is unknown, because it travels in every copy of the outcome.
    pub fn refuse(self, detail: impl Into<String>) -> Refusal {
        Refusal { code: self.as_str().to_owned(), detail: detail.into(), lines: Vec::new() }
    }
}

/// What a reserved order says of the lines that it had to leave out.
pub(crate) fn left_out(lines: &[RefusedLine]) -> Refusal {
    let detail = match lines.len() {
        1 => "The order is reserved without one line.".to_owned(),
        lines => format!("The order is reserved without {lines} lines."),
    };
    Refusal { code: PARTLY_RESERVED.to_owned(), detail, lines: lines.to_vec() }
}

/// The refusal of a rejected order: the first refused line gives the code.
pub(crate) fn of_lines(lines: &[RefusedLine]) -> Refusal {
    let code = lines.first().map_or(Code::Rejected.as_str(), |line| line.reason.as_str());
    let detail = match lines {
        [line] => format!("Line {} could not be reserved: {code}.", line.line),
        _ => format!("{} lines could not be reserved.", lines.len()),
    };
    Refusal { code: code.to_owned(), detail, lines: lines.to_vec() }
}
