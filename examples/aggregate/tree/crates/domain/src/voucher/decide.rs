//! The commands on vouchers: what answers each of them, and which bounds they must keep.

use events::{
    Command, Money,
    voucher::{IssueVoucher, RedeemVoucher, VoucherIssued, VoucherRedeemed},
};

use super::Voucher;
use crate::{
    Aggregates, Decision,
    bounds::{Found, TOTAL_MAX},
    decide::foreign,
    refusal::Code,
};

pub(crate) fn decide(aggregates: &Aggregates, command: &Command) -> Decision {
    let voucher = |id: &str| aggregates.vouchers.get(id);
    match command {
        Command::IssueVoucher(c) => issue(voucher(&c.voucher_id), c),
        Command::RedeemVoucher(c) => redeem(voucher(&c.voucher_id), c),
        other => foreign(other),
    }
}

pub(crate) fn check(found: &mut Found, command: &Command) {
    match command {
        Command::IssueVoucher(c) => {
            found.identifier(format_args!("/voucher_id"), &c.voucher_id);
            amount(found, "/balance", &c.balance);
        }
        Command::RedeemVoucher(c) => {
            found.identifier(format_args!("/voucher_id"), &c.voucher_id);
            found.identifier(format_args!("/reference"), &c.reference);
            amount(found, "", &c.amount);
        }
        other => foreign(other),
    }
}

fn amount(found: &mut Found, place: &str, money: &Money) {
    if !(1..=TOTAL_MAX).contains(&money.amount) {
        let sentence = format!("It is 1 to {TOTAL_MAX} minor units.");
        found.add(format_args!("{place}/amount"), sentence);
    }
    found.currency(format_args!("{place}/currency"), &money.currency);
}

fn issue(voucher: Option<&Voucher>, command: &IssueVoucher) -> Decision {
    match voucher {
        Some(voucher) if voucher.issued() == command.balance => Decision::nothing(),
        Some(_) => refuse(Code::VoucherExists, "The voucher was issued with another balance."),
        None => Decision::event(VoucherIssued {
            voucher_id: command.voucher_id.clone(),
            balance: command.balance.clone(),
        }),
    }
}

fn redeem(voucher: Option<&Voucher>, command: &RedeemVoucher) -> Decision {
    let Some(voucher) = voucher else {
        return refuse(Code::UnknownVoucher, "No voucher has this id.");
    };
    let amount = &command.amount;
    if amount.currency != voucher.currency {
        let detail = format!("The voucher is worth {}.", voucher.currency);
        return refuse(Code::CurrencyMismatch, detail);
    }
    match voucher.redeemed(&command.reference) {
        Some(before) if before == amount.amount => return Decision::nothing(),
        Some(before) => {
            let detail = format!("The reference was redeemed with {before}.");
            return refuse(Code::AlreadyRedeemed, detail);
        }
        None => {}
    }
    if amount.amount > voucher.balance {
        let detail = format!("The balance is {}.", voucher.balance);
        return refuse(Code::BalanceTooSmall, detail);
    }
    Decision::event(VoucherRedeemed {
        voucher_id: command.voucher_id.clone(),
        reference: command.reference.clone(),
        amount: amount.clone(),
    })
}

fn refuse(code: Code, detail: impl Into<String>) -> Decision {
    Decision::refused(code.refuse(detail))
}
