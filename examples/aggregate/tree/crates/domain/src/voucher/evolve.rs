//! Folding events into a voucher.

use std::collections::VecDeque;

use events::{Event, voucher::VoucherRedeemed};

use super::{REDEMPTIONS_KEPT, Voucher};
use crate::{Misfit, Unfit};

/// The voucher after an event; every event raises the version by one.
///
/// # Errors
/// When the event does not fit the voucher, or would take more than its balance.
pub fn evolve(voucher: Option<Voucher>, event: &Event) -> Result<Voucher, Unfit> {
    let evolved = match (voucher, event) {
        (None, Event::VoucherIssued(issued)) => Ok(Voucher {
            version: 1,
            id: issued.voucher_id.clone(),
            currency: issued.balance.currency.clone(),
            issued: issued.balance.amount,
            balance: issued.balance.amount,
            redemptions: VecDeque::new(),
        }),
        (None, _) => Err(Misfit::Absent),
        (Some(_), Event::VoucherIssued(_)) => Err(Misfit::Present),
        (Some(voucher), _) if voucher.id != event.key() => Err(Misfit::OtherKey(voucher.id)),
        (Some(voucher), Event::VoucherRedeemed(redeemed)) => redeem(voucher, redeemed),
        (Some(_), _) => Err(Misfit::Foreign),
    };
    evolved.map_err(|misfit| Unfit::new(event, misfit))
}

fn redeem(mut voucher: Voucher, event: &VoucherRedeemed) -> Result<Voucher, Misfit> {
    let amount = event.amount.amount;
    if event.amount.currency != voucher.currency || !(1..=voucher.balance).contains(&amount) {
        return Err(Misfit::Balance(voucher.balance));
    }
    if voucher.redemptions.len() == REDEMPTIONS_KEPT {
        voucher.redemptions.pop_front();
    }
    voucher.redemptions.push_back((event.reference.clone(), amount));
    voucher.balance -= amount;
    voucher.version += 1;
    Ok(voucher)
}
