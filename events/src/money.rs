//! Money: integer minor units with a currency.

use serde::{Deserialize, Serialize};

/// An amount of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units of the currency.
    pub amount: i64,
    /// ISO 4217 code, three capital letters.
    pub currency: String,
}

impl Money {
    pub fn new(amount: i64, currency: impl Into<String>) -> Self {
        Self { amount, currency: currency.into() }
    }
}
