//! Refusal codes: the stable words in which decide says "no".

use events::{
    line::RefusedLine,
    outcome::{PARTLY_RESERVED, Refusal},
};

/// The codes with their words: as these stand in events, outcomes and problem types.
macro_rules! codes {
    ($($(#[$text:meta])* $code:ident = $word:literal,)+) => {
        /// Why a command was refused; also the reason of a refused line, and the last segment of the
        /// problem type. A released code keeps its meaning for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$text])* $code,)+
        }

        impl Code {
            pub const ALL: [Code; [$($word),+].len()] = [$(Code::$code),+];

            /// The code as it stands in events, outcomes and problem types.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$code => $word,)+ }
            }
        }
    };
}

codes! {
    /// A field is outside the bounds.
    Invalid = "invalid",
    UnknownSku = "unknown-sku",
    UnknownOrder = "unknown-order",
    /// The aggregate is no longer at the version that the caller expects.
    StaleVersion = "stale-version",
    /// The idempotency key was used with another body.
    KeyReused = "key-reused",
    OutOfStock = "out-of-stock",
    /// A piece costs more than the line's highest acceptable price.
    PriceChanged = "price-changed",
    CurrencyMismatch = "currency-mismatch",
    /// The SKU is registered with other data.
    AlreadyRegistered = "already-registered",
    /// The stock on hand would fall below what is held for orders.
    BelowReserved = "below-reserved",
    /// The delivery note was received with another quantity.
    ReferenceReused = "reference-reused",
    /// The stock on hand would rise above its bound.
    StockLimit = "stock-limit",
    OrderExists = "order-exists",
    /// Stock is still being held; payment is not awaited yet.
    NotReserved = "not-reserved",
    AlreadyPaid = "already-paid",
    /// Amount or currency differ from the order's total.
    WrongAmount = "wrong-amount",
    Expired = "expired",
    Rejected = "rejected",
    Cancelled = "cancelled",
    AlreadyShipped = "already-shipped",
    NotPaid = "not-paid",
    /// The order is final and has left the state.
    Closed = "closed",
    /// The product is off sale.
    ProductInactive = "product-inactive",
    /// The command's bytes could not be read.
    Undecodable = "undecodable",
    /// The command made decide fail.
    Internal = "internal",
}

impl Code {
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
