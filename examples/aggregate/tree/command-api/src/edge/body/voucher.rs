//! Bodies of the voucher routes.

use events::voucher::{IssueVoucher, RedeemVoucher};
use events::{Command, Money};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Price;

/// A voucher to issue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoucherBody {
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "gift-1"
    )]
    voucher_id: String,
    /// What it is worth.
    balance: Price,
}

/// An amount to take from the balance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedemptionBody {
    /// What it is redeemed for; the same reference with the same amount counts once.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "o-1"
    )]
    reference: String,
    /// Minor units of the currency.
    #[schema(minimum = 1, example = 1_900)]
    amount: i64,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}

impl VoucherBody {
    pub(crate) fn into_command(self) -> Command {
        IssueVoucher { voucher_id: self.voucher_id, balance: self.balance.into() }.into()
    }
}

impl RedemptionBody {
    pub(crate) fn into_command(self, voucher_id: String) -> Command {
        let amount = Money { amount: self.amount, currency: self.currency };
        RedeemVoucher { voucher_id, reference: self.reference, amount }.into()
    }
}
