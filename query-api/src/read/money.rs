//! Money as queries answer it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Minor units of the currency.
    #[schema(example = 4990)]
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
}

impl Money {
    pub(super) fn new(amount: i64, currency: &str) -> Self {
        Self { amount, currency: currency.to_owned() }
    }
}

impl From<events::Money> for Money {
    fn from(money: events::Money) -> Self {
        Self { amount: money.amount, currency: money.currency }
    }
}
