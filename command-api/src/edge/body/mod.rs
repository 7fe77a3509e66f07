//! Request bodies: the JSON that clients post, and the commands it becomes.
//!
//! Field names are part of the contract; unknown ones are refused, because a misspelt optional field
//! would otherwise be ignored in silence. Bounds are checked on the command, by the domain's rules.

mod order;
mod product;

use events::Money;
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) use order::{CancellationBody, OrderBody, PaymentBody, ShipmentBody};
pub(crate) use product::{
    AdjustmentBody, ListingBody, PriceBody, ProductBody, ReceiptBody, ThresholdBody,
};

/// A price of one piece.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// Minor units of the currency.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 4_990)]
    amount: i64,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}

impl From<Price> for Money {
    fn from(price: Price) -> Self {
        Money { amount: price.amount, currency: price.currency }
    }
}
