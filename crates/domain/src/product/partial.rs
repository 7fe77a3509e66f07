//! Holding stock since rules version 2: every line that is in stock is held, the others are refused.

use std::collections::BTreeMap;

use events::{
    Event,
    command::ReserveStock,
    line::{OrderLine, RefusedLine},
    product::{ReservationRefused, StockReserved},
};

use super::{
    Product,
    reserve::{refused, wishes},
};
use crate::{Aggregates, Decision, refusal::Code};

/// Holds what it can: one `StockReserved` per SKU of which a line is held, sorted by SKU; then, when
/// a line is refused, one `ReservationRefused` with all of those, sorted by line.
///
/// A line is held whole or not at all. The lines of one SKU are served by their numbers: each that
/// the pieces left cover takes its pieces, so a small line may be held behind a refused large one.
/// `is_sold` says of which products anything is held at all: of every one under version 2.
pub(crate) fn reserve(
    aggregates: &Aggregates,
    command: &ReserveStock,
    is_sold: impl Fn(&Product) -> bool,
) -> Decision {
    let mut events = Vec::new();
    let mut failures = Vec::new();
    for (sku, lines) in wishes(command) {
        let product = aggregates.products.get(sku);
        if product.is_some_and(|product| !is_sold(product)) {
            let inactive = |line: &&OrderLine| refused(line, Code::ProductInactive, None);
            failures.extend(lines.iter().map(inactive));
            continue;
        }
        events.extend(hold(product, command, lines, &mut failures));
    }
    if !failures.is_empty() {
        failures.sort_by_key(|line: &RefusedLine| line.line);
        let order_id = command.order_id.clone();
        events.push(Event::from(ReservationRefused { order_id, lines: failures }));
    }
    Decision::events(events)
}

/// Serves the lines of one SKU; those that fail join the failures.
fn hold(
    product: Option<&Product>,
    command: &ReserveStock,
    mut lines: Vec<&OrderLine>,
    failures: &mut Vec<RefusedLine>,
) -> Option<Event> {
    let Some(product) = product else {
        failures.extend(lines.iter().map(|line| refused(line, Code::UnknownSku, None)));
        return None;
    };
    if product.currency != command.currency {
        failures.extend(lines.iter().map(|line| refused(line, Code::CurrencyMismatch, None)));
        return None;
    }
    lines.sort_by_key(|line| line.line);
    let mut left = product.available();
    let mut held = BTreeMap::new();
    for line in lines {
        if line.unit_price_max.is_some_and(|max| product.price > max) {
            failures.push(refused(line, Code::PriceChanged, None));
        } else if line.quantity > left {
            failures.push(refused(line, Code::OutOfStock, Some(left)));
        } else {
            left -= line.quantity;
            held.insert(line.line, line.quantity);
        }
    }
    if held.is_empty() {
        return None;
    }
    Some(Event::from(StockReserved {
        sku: product.sku.clone(),
        order_id: command.order_id.clone(),
        // Cannot overflow: it is at most what is on hand.
        quantity: held.values().sum(),
        unit_price: product.price,
        lines: held.into_keys().collect(),
    }))
}
