//! Commands on gift vouchers. That each of them, sent twice, writes nothing the second time is
//! checked by `when`.

use domain::{Misfit, refusal::Code, rules::Version, voucher};
use events::{
    Event, Money,
    voucher::{IssueVoucher, RedeemVoucher, VoucherIssued, VoucherRedeemed},
};

use crate::kit::{Given, eur, given, history};

fn under_vouchers(history: impl IntoIterator<Item = Event>) -> Given {
    given(history).under(Version::Vouchers)
}

fn issue(balance: Money) -> IssueVoucher {
    IssueVoucher { voucher_id: "gift-1".to_owned(), balance }
}

fn redeem(reference: &str, amount: Money) -> RedeemVoucher {
    RedeemVoucher { voucher_id: "gift-1".to_owned(), reference: reference.to_owned(), amount }
}

fn issued(amount: i64) -> VoucherIssued {
    VoucherIssued { voucher_id: "gift-1".to_owned(), balance: eur(amount) }
}

fn redeemed(reference: &str, amount: i64) -> VoucherRedeemed {
    let (voucher_id, reference) = ("gift-1".to_owned(), reference.to_owned());
    VoucherRedeemed { voucher_id, reference, amount: eur(amount) }
}

#[test]
fn a_voucher_is_issued_once_and_an_equal_repeat_is_harmless() {
    let given = under_vouchers([]).when(issue(eur(50))).then(history![issued(50)]);
    given
        .when(issue(eur(50)))
        .then_nothing()
        .when(issue(eur(60)))
        .then_refused(Code::VoucherExists);
}

#[test]
fn a_voucher_is_redeemed_to_nothing_and_never_below() {
    under_vouchers(history![issued(50)])
        .when(redeem("order-1", eur(30)))
        .then(history![redeemed("order-1", 30)])
        .when(redeem("order-2", eur(21)))
        .then_refused(Code::BalanceTooSmall)
        .when(redeem("order-3", eur(20)))
        .then(history![redeemed("order-3", 20)])
        .when(redeem("order-4", eur(1)))
        .then_refused(Code::BalanceTooSmall);
}

#[test]
fn a_reference_counts_once() {
    under_vouchers(history![issued(50), redeemed("order-1", 30)])
        .when(redeem("order-1", eur(30)))
        .then_nothing()
        .when(redeem("order-1", eur(10)))
        .then_refused(Code::AlreadyRedeemed);
}

#[test]
fn only_what_exists_is_redeemed_and_only_in_its_currency() {
    under_vouchers([]).when(redeem("order-1", eur(1))).then_refused(Code::UnknownVoucher);
    under_vouchers(history![issued(50)])
        .when(redeem("order-1", Money::new(1, "GBP")))
        .then_refused(Code::CurrencyMismatch);
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    under_vouchers([]).when(issue(eur(0))).then_refused(Code::Invalid);
    under_vouchers(history![issued(50)]).when(redeem("", eur(1))).then_refused(Code::Invalid);
    under_vouchers(history![issued(50)]).when(redeem("a", eur(-1))).then_refused(Code::Invalid);
}

#[test]
fn a_fold_refuses_what_would_go_below_zero() {
    let issued = voucher::evolve(None, &issued(50).into()).expect("it fits");
    let unfit = voucher::evolve(Some(issued), &redeemed("order-1", 51).into());
    assert_eq!(unfit.expect_err("it does not fit").misfit, Misfit::Balance(50));
}
