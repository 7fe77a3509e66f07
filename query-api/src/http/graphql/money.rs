//! Money as GraphQL answers it.

use async_graphql::SimpleObject;

use super::scalar::Long;
use crate::read::money;

/// An amount of one currency.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Money {
    /// Minor units of the currency.
    pub(super) amount: Long,
    /// ISO 4217 code.
    pub(super) currency: String,
}

impl From<&money::Money> for Money {
    fn from(money: &money::Money) -> Self {
        Self { amount: Long(money.amount), currency: money.currency.clone() }
    }
}
