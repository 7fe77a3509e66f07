//! Commands and events of gift vouchers.

use serde::{Deserialize, Serialize};

use crate::{Money, command::command_record, event::event_record};

/// Issue a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueVoucher {
    pub voucher_id: String,
    pub balance: Money,
}

/// Take an amount from a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemVoucher {
    pub voucher_id: String,
    /// What it is redeemed for; a repeat is harmless.
    pub reference: String,
    pub amount: Money,
}

/// A voucher was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherIssued {
    pub voucher_id: String,
    pub balance: Money,
}

/// An amount was taken from the balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRedeemed {
    pub voucher_id: String,
    pub reference: String,
    pub amount: Money,
}

command_record!(
    IssueVoucher, "commands/IssueVoucher.v1.avsc", Client, Vouchers by voucher_id, since 4, creating
);
command_record!(
    RedeemVoucher, "commands/RedeemVoucher.v1.avsc", Client, Vouchers by voucher_id, since 4
);
event_record!(VoucherIssued, "events/VoucherIssued.v1.avsc", Vouchers by voucher_id);
event_record!(VoucherRedeemed, "events/VoucherRedeemed.v1.avsc", Vouchers by voucher_id);
