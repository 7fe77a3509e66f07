//! Follow-ups from orders: hold stock (under rules version 1, whole orders), give it back, ship it;
//! one step for all lines in a shard.

use std::collections::BTreeMap;

use events::{
    Event,
    command::{ReleaseStock, ReserveStock, ShipStock},
    line::{LineQuantity, OrderLine, RefusedLine},
    product::{ReservationRefused, StockReleased, StockReserved, StockShipped},
};

use super::Product;
use crate::{Aggregates, Decision, refusal::Code};

/// Holds all lines or none: one `StockReserved` per SKU, sorted by SKU, or one
/// `ReservationRefused` with every line that fails, sorted by line.
pub(crate) fn reserve(aggregates: &Aggregates, command: &ReserveStock) -> Decision {
    let wishes = wishes(command);
    let mut held = Vec::with_capacity(wishes.len());
    let mut refused = Vec::new();
    for (sku, lines) in &wishes {
        match hold(aggregates.products.get(*sku), command, lines) {
            Ok(event) => held.push(event),
            Err(failures) => refused.extend(failures),
        }
    }
    if refused.is_empty() {
        return Decision::events(held);
    }
    refused.sort_by_key(|line| line.line);
    Decision::event(ReservationRefused { order_id: command.order_id.clone(), lines: refused })
}

/// The lines by SKU, each SKU's in their order.
pub(super) fn wishes(command: &ReserveStock) -> BTreeMap<&str, Vec<&OrderLine>> {
    let mut wishes: BTreeMap<&str, Vec<&OrderLine>> = BTreeMap::new();
    for line in &command.lines {
        wishes.entry(&line.sku).or_default().push(line);
    }
    wishes
}

/// Holds the lines of one SKU, or says which of them fail. Availability is judged on their sum, so
/// that a SKU in two lines cannot take the same pieces twice; a line's own price comes before it.
fn hold(
    product: Option<&Product>,
    command: &ReserveStock,
    lines: &[&OrderLine],
) -> Result<Event, Vec<RefusedLine>> {
    let all = |code| lines.iter().map(|line| refused(line, code, None)).collect();
    let product = product.ok_or_else(|| all(Code::UnknownSku))?;
    if product.currency != command.currency {
        return Err(all(Code::CurrencyMismatch));
    }
    let quantity = pieces(lines);
    let available = product.available();
    let failures: Vec<RefusedLine> = lines
        .iter()
        .filter_map(|line| {
            if line.unit_price_max.is_some_and(|max| product.price > max) {
                return Some(refused(line, Code::PriceChanged, None));
            }
            (quantity > available).then(|| refused(line, Code::OutOfStock, Some(available)))
        })
        .collect();
    if !failures.is_empty() {
        return Err(failures);
    }
    let mut numbers: Vec<i32> = lines.iter().map(|line| line.line).collect();
    numbers.sort_unstable();
    Ok(Event::from(StockReserved {
        sku: product.sku.clone(),
        order_id: command.order_id.clone(),
        quantity,
        unit_price: product.price,
        lines: numbers,
    }))
}

/// Cannot overflow: an order has at most 1,000 lines of 1,000,000 pieces.
fn pieces(lines: &[&OrderLine]) -> i64 {
    lines.iter().map(|line| line.quantity).sum()
}

pub(super) fn refused(line: &OrderLine, code: Code, available: Option<i64>) -> RefusedLine {
    RefusedLine {
        line: line.line,
        sku: line.sku.clone(),
        reason: code.as_str().to_owned(),
        available,
    }
}

/// Makes held pieces available again: one `StockReleased` per SKU, sorted by SKU.
pub(crate) fn release(aggregates: &Aggregates, command: &ReleaseStock) -> Decision {
    let order_id = &command.order_id;
    let sums = held_sums(aggregates, order_id, &command.lines);
    Decision::events(
        sums.into_iter()
            .map(|(sku, quantity)| {
                Event::from(StockReleased {
                    sku: sku.to_owned(),
                    order_id: order_id.clone(),
                    quantity,
                })
            })
            .collect(),
    )
}

/// Takes held pieces out of the house: one `StockShipped` per SKU, sorted by SKU.
pub(crate) fn ship(aggregates: &Aggregates, command: &ShipStock) -> Decision {
    let order_id = &command.order_id;
    let sums = held_sums(aggregates, order_id, &command.lines);
    Decision::events(
        sums.into_iter()
            .map(|(sku, quantity)| {
                Event::from(StockShipped {
                    sku: sku.to_owned(),
                    order_id: order_id.clone(),
                    quantity,
                })
            })
            .collect(),
    )
}

/// Pieces per SKU, all of which must be held.
fn held_sums<'a>(
    aggregates: &Aggregates,
    order_id: &str,
    lines: &'a [LineQuantity],
) -> BTreeMap<&'a str, i64> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        *sums.entry(&line.sku).or_default() += line.quantity;
    }
    for (sku, quantity) in &sums {
        let reserved = aggregates.products.get(*sku).map_or(0, Product::reserved);
        assert!(
            *quantity <= reserved,
            "order {order_id} settles {quantity} held pieces of {sku}, but only {reserved} are \
             reserved: a reservation was lost or settled twice"
        );
    }
    sums
}
