//! Given events of vouchers, then what they are worth.

use events::{
    Event, Money,
    voucher::{VoucherIssued, VoucherRedeemed},
};
use projector::{fact::Unfit, kit::Given, projection::vouchers::Vouchers};

fn issued() -> Event {
    let balance = Money::new(5_000, "EUR");
    VoucherIssued { voucher_id: "gift-1".to_owned(), balance }.into()
}

fn redeemed(amount: i64) -> Event {
    let amount = Money::new(amount, "EUR");
    let (voucher_id, reference) = ("gift-1".to_owned(), "o-1".to_owned());
    VoucherRedeemed { voucher_id, reference, amount }.into()
}

#[test]
fn a_voucher_is_worth_what_was_not_redeemed() {
    Given::<Vouchers>::events([issued(), redeemed(1_900)])
        .when(redeemed(3_100))
        .then("gift-1", |row| assert_eq!((row.balance, row.version), (0, 3)));
}

#[test]
fn nothing_goes_below_zero_or_comes_from_nowhere() {
    let unfit = Given::<Vouchers>::events([issued()]).when(redeemed(5_001)).then_unfit();
    assert_eq!(unfit, Unfit::Range("balance"));
    let unfit = Given::<Vouchers>::nothing().when(redeemed(1)).then_unfit();
    assert_eq!(unfit, Unfit::Missing);
}
