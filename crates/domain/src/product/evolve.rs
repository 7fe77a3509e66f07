//! Folding events into a product.

use std::collections::VecDeque;

use events::{Event, Money, product::ProductRegistered};

use super::{DELIVERIES_KEPT, Listing, Product, state::Delivery};
use crate::{
    Misfit, Unfit,
    bounds::{ON_HAND_MAX, QUANTITY_MAX},
};

/// The product after an event; every event raises the version by one.
///
/// # Errors
/// When the event does not fit the product, or would break an invariant of its stock.
pub fn evolve(product: Option<Product>, event: &Event) -> Result<Product, Unfit> {
    let evolved = match (product, event) {
        (None, Event::ProductRegistered(registered)) => Ok(register(registered)),
        (None, _) => Err(Misfit::Absent),
        (Some(_), Event::ProductRegistered(_)) => Err(Misfit::Present),
        (Some(product), _) if product.sku != event.key() => Err(Misfit::OtherKey(product.sku)),
        (Some(product), _) => change(product, event),
    };
    evolved.map_err(|misfit| Unfit::new(event, misfit))
}

fn register(registered: &ProductRegistered) -> Product {
    Product {
        version: 1,
        sku: registered.sku.clone(),
        name: registered.name.clone(),
        currency: registered.price.currency.clone(),
        price_registered: registered.price.amount,
        price: registered.price.amount,
        on_hand: 0,
        reserved: 0,
        deliveries: VecDeque::new(),
        listing: Listing::default(),
    }
}

fn change(mut product: Product, event: &Event) -> Result<Product, Misfit> {
    match event {
        Event::PriceChanged(e) => reprice(&mut product, &e.price)?,
        Event::StockReceived(e) => {
            let quantity = pieces(e.quantity)?;
            stock(&mut product, quantity, 0)?;
            remember(&mut product, &e.reference, quantity);
        }
        Event::StockAdjusted(e) => {
            pieces(e.quantity.saturating_abs())?;
            stock(&mut product, e.quantity, 0)?;
        }
        Event::StockReserved(e) => stock(&mut product, 0, held(e.quantity)?)?,
        Event::StockReleased(e) => stock(&mut product, 0, -held(e.quantity)?)?,
        Event::StockShipped(e) => {
            let quantity = held(e.quantity)?;
            stock(&mut product, -quantity, -quantity)?;
        }
        Event::ProductDeactivated(_) => product.listing.is_inactive = true,
        Event::ProductReactivated(_) => product.listing.is_inactive = false,
        Event::LowStockThresholdSet(e) => product.listing.low_stock_threshold = e.threshold,
        // It tells of what another event has changed.
        Event::StockRanLow(_) => {}
        _ => return Err(Misfit::Foreign),
    }
    product.version += 1;
    Ok(product)
}

fn reprice(product: &mut Product, price: &Money) -> Result<(), Misfit> {
    if product.currency != price.currency {
        return Err(Misfit::Currency);
    }
    product.price = price.amount;
    Ok(())
}

/// Moves the stock, unless an invariant would break.
fn stock(product: &mut Product, on_hand: i64, reserved: i64) -> Result<(), Misfit> {
    // Both changes are bounded by `pieces` or `held`, and the stock by ON_HAND_MAX.
    let on_hand = product.on_hand + on_hand;
    let reserved = product.reserved + reserved;
    if !(0..=on_hand).contains(&reserved) || on_hand > ON_HAND_MAX {
        return Err(Misfit::Stock { on_hand, reserved });
    }
    product.on_hand = on_hand;
    product.reserved = reserved;
    Ok(())
}

fn pieces(quantity: i64) -> Result<i64, Misfit> {
    within(quantity, QUANTITY_MAX)
}

/// A hold sums all lines of an order, so it may be larger than one quantity.
fn held(quantity: i64) -> Result<i64, Misfit> {
    within(quantity, ON_HAND_MAX)
}

fn within(quantity: i64, most: i64) -> Result<i64, Misfit> {
    if (1..=most).contains(&quantity) { Ok(quantity) } else { Err(Misfit::Quantity(quantity)) }
}

fn remember(product: &mut Product, reference: &str, quantity: i64) {
    if product.deliveries.len() == DELIVERIES_KEPT {
        product.deliveries.pop_front();
    }
    product.deliveries.push_back(Delivery { reference: reference.to_owned(), quantity });
}
