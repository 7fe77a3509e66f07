//! Under rules version 3: what falls to its threshold, or below it, is told right behind the event
//! that took the pieces.

use std::collections::BTreeMap;

use events::{Event, product::StockRanLow};

use crate::{Aggregates, Decision, Product};

/// What is known of a product on the way through the events of one step.
struct Level {
    available: i64,
    threshold: Option<i64>,
}

/// Adds a `StockRanLow` behind each event with which available pieces fall from above a threshold to
/// it or below it: once for each crossing.
pub(crate) fn watch(aggregates: &Aggregates, decision: Decision) -> Decision {
    let Decision { events, refusal } = decision;
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        let ran_low = change(&event).and_then(|(sku, pieces)| {
            let level =
                levels.entry(sku.to_owned()).or_insert_with(|| level(aggregates.products.get(sku)));
            let before = level.available;
            // Both are within what a product may hold.
            level.available += pieces;
            let threshold = level.threshold?;
            let available = level.available;
            let has_crossed = before > threshold && available <= threshold;
            has_crossed.then(|| StockRanLow { sku: sku.to_owned(), available, threshold })
        });
        all.push(event);
        all.extend(ran_low.map(Event::from));
    }
    Decision { events: all, refusal }
}

fn level(product: Option<&Product>) -> Level {
    Level {
        available: product.map_or(0, Product::available),
        threshold: product.and_then(Product::low_stock_threshold),
    }
}

/// By how much an event changes the available pieces of a product. A shipment takes what was held.
fn change(event: &Event) -> Option<(&str, i64)> {
    match event {
        Event::StockReceived(e) => Some((&e.sku, e.quantity)),
        Event::StockAdjusted(e) => Some((&e.sku, e.quantity)),
        Event::StockReserved(e) => Some((&e.sku, -e.quantity)),
        Event::StockReleased(e) => Some((&e.sku, e.quantity)),
        _ => None,
    }
}
