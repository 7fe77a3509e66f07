//! Gift vouchers: issued with a balance, redeemed against references, never below zero.

mod decide;
mod evolve;

use std::collections::VecDeque;

use events::Money;
use serde::{Deserialize, Serialize};

pub(crate) use decide::{check, decide};
pub use evolve::evolve;

/// How many redemptions a voucher remembers, to make a repeated reference harmless.
pub const REDEMPTIONS_KEPT: usize = 64;

/// A voucher: `0 <= balance <= issued` holds after every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Number of the voucher's last event, from 1.
    pub version: i64,
    id: String,
    currency: String,
    /// Minor units that it was issued with; tells a repeated issue.
    issued: i64,
    /// Minor units that are left.
    balance: i64,
    /// The newest redemptions, reference and amount, oldest first.
    redemptions: VecDeque<(String, i64)>,
}

impl Voucher {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn issued(&self) -> Money {
        Money::new(self.issued, &self.currency)
    }

    pub fn balance(&self) -> Money {
        Money::new(self.balance, &self.currency)
    }

    fn redeemed(&self, reference: &str) -> Option<i64> {
        let found = self.redemptions.iter().find(|(known, _)| known == reference);
        found.map(|(_, amount)| *amount)
    }
}
