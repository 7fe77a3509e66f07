//! How the lines of an order change, one checked transition each; and what priced lines add up to.

use events::line::{LineQuantity, PricedLine, RefusedLine, ReservedLine};

use super::{Line, LineState, Order};
use crate::Misfit;

/// A waiting line is held.
pub(super) fn hold(order: &mut Order, reserved: &ReservedLine) -> Result<(), Misfit> {
    change(order, reserved.line, |line| {
        (line.state == LineState::Waiting)
            .then_some(LineState::Held { unit_price: reserved.unit_price })
    })
}

/// A line that waits, or is held at that very price, is held.
pub(super) fn price(order: &mut Order, priced: &PricedLine) -> Result<(), Misfit> {
    let held = LineState::Held { unit_price: priced.unit_price };
    change(order, priced.line, |line| {
        let fits = line.sku == priced.sku
            && line.quantity == priced.quantity
            && (line.state == LineState::Waiting || line.state == held);
        fits.then_some(held)
    })
}

/// A line that waits, or was refused in those very words, is refused.
pub(super) fn refuse(order: &mut Order, refused: &RefusedLine) -> Result<(), Misfit> {
    let state = LineState::Refused { reason: refused.reason.clone(), available: refused.available };
    change(order, refused.line, |line| {
        let fits =
            line.sku == refused.sku && (line.state == LineState::Waiting || line.state == state);
        fits.then_some(state)
    })
}

/// A waiting line is withheld.
pub(super) fn withhold(order: &mut Order, number: i32) -> Result<(), Misfit> {
    change(order, number, |line| (line.state == LineState::Waiting).then_some(LineState::Withheld))
}

/// All shards have answered: what still waits was asked for beside a refused line.
pub(super) fn withhold_rest(order: &mut Order) {
    for line in &mut order.lines {
        if line.state == LineState::Waiting {
            line.state = LineState::Withheld;
        }
    }
}

/// Stock of lines in one of the states `from` goes its way: all of them change to `to`.
pub(super) fn settle(
    order: &mut Order,
    lines: &[LineQuantity],
    from: impl Fn(&LineState) -> bool,
    to: &LineState,
) -> Result<(), Misfit> {
    for settled in lines {
        change(order, settled.line, |line| {
            let fits =
                line.sku == settled.sku && line.quantity == settled.quantity && from(&line.state);
            fits.then(|| to.clone())
        })?;
    }
    Ok(())
}

/// Fails when a line is left in one of the states that an event must not leave behind.
pub(super) fn none_left(order: &Order, state: impl Fn(&LineState) -> bool) -> Result<(), Misfit> {
    if order.lines.iter().any(|line| state(&line.state)) {
        return Err(Misfit::Unsettled);
    }
    Ok(())
}

pub(super) fn is_held(state: &LineState) -> bool {
    matches!(state, LineState::Held { .. })
}

pub(super) fn is_waiting(state: &LineState) -> bool {
    matches!(state, LineState::Waiting)
}

/// Sum of quantity times unit price; `None` when it does not fit.
pub(super) fn total(lines: &[PricedLine]) -> Option<i64> {
    lines
        .iter()
        .try_fold(0_i64, |sum, line| sum.checked_add(line.quantity.checked_mul(line.unit_price)?))
}

/// Gives a line the state that `next` finds for it, or fails with the line's number.
fn change(
    order: &mut Order,
    number: i32,
    next: impl FnOnce(&Line) -> Option<LineState>,
) -> Result<(), Misfit> {
    let line = order.line_mut(number).ok_or(Misfit::Line(number))?;
    line.state = next(line).ok_or(Misfit::Line(number))?;
    Ok(())
}
