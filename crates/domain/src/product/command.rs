//! The commands on products: what answers each of them, and which bounds a client's must keep.

use events::Command;

use super::{Product, listing, low_stock, partial, reserve};
use crate::{Aggregates, Decision, Rules, bounds::Found, decide::foreign, rules::Version};

pub(crate) fn decide(aggregates: &Aggregates, command: &Command, rules: &Rules<'_>) -> Decision {
    let decision = decide_one(aggregates, command, rules);
    match rules.version {
        Version::WholeOrders | Version::PartialReservation => decision,
        _ => low_stock::watch(aggregates, decision),
    }
}

fn decide_one(aggregates: &Aggregates, command: &Command, rules: &Rules<'_>) -> Decision {
    let product = |sku: &str| aggregates.products.get(sku);
    match command {
        Command::RegisterProduct(c) => super::decide::register(product(&c.sku), c),
        Command::ChangePrice(c) => super::decide::change_price(product(&c.sku), c),
        Command::ReceiveStock(c) => super::decide::receive(product(&c.sku), c),
        Command::AdjustStock(c) => super::decide::adjust(product(&c.sku), c),
        Command::DeactivateProduct(c) => listing::deactivate(product(&c.sku), c),
        Command::ReactivateProduct(c) => listing::reactivate(product(&c.sku), c),
        Command::SetLowStockThreshold(c) => listing::set_threshold(product(&c.sku), c),
        Command::ReserveStock(c) => match rules.version {
            Version::WholeOrders => reserve::reserve(aggregates, c),
            Version::PartialReservation => partial::reserve(aggregates, c, |_| true),
            _ => partial::reserve(aggregates, c, Product::is_active),
        },
        Command::ReleaseStock(c) => reserve::release(aggregates, c),
        Command::ShipStock(c) => reserve::ship(aggregates, c),
        other => foreign(other),
    }
}

pub(crate) fn check(found: &mut Found, command: &Command) {
    match command {
        Command::RegisterProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/name"), &c.name);
            found.price(&c.price);
        }
        Command::ChangePrice(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.price(&c.price);
        }
        Command::ReceiveStock(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.identifier(format_args!("/reference"), &c.reference);
            found.quantity(format_args!("/quantity"), c.quantity);
        }
        Command::AdjustStock(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.change(c.quantity);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::DeactivateProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::ReactivateProduct(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.text(format_args!("/reason"), &c.reason);
        }
        Command::SetLowStockThreshold(c) => {
            found.sku(format_args!("/sku"), &c.sku);
            found.threshold(c.threshold);
        }
        other => foreign(other),
    }
}
