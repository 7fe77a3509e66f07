//! Client commands on one product.

use events::{
    command::{AdjustStock, ChangePrice, ReceiveStock, RegisterProduct},
    product::{PriceChanged, ProductRegistered, StockAdjusted, StockReceived},
};

use super::Product;
use crate::{Decision, bounds::ON_HAND_MAX, refusal::Code};

pub(crate) fn register(product: Option<&Product>, command: &RegisterProduct) -> Decision {
    let Some(product) = product else {
        return Decision::event(ProductRegistered {
            sku: command.sku.clone(),
            name: command.name.clone(),
            price: command.price.clone(),
        });
    };
    let repeats = product.name == command.name
        && product.currency == command.price.currency
        && product.price_registered == command.price.amount;
    if repeats {
        Decision::nothing()
    } else {
        refuse(Code::AlreadyRegistered, "The SKU is registered with another name or price.")
    }
}

pub(crate) fn change_price(product: Option<&Product>, command: &ChangePrice) -> Decision {
    let Some(product) = product else {
        return unknown();
    };
    if product.currency != command.price.currency {
        let detail = format!("The product is sold in {}.", product.currency);
        return refuse(Code::CurrencyMismatch, detail);
    }
    if product.price == command.price.amount {
        return Decision::nothing();
    }
    Decision::event(PriceChanged { sku: command.sku.clone(), price: command.price.clone() })
}

pub(crate) fn receive(product: Option<&Product>, command: &ReceiveStock) -> Decision {
    let Some(product) = product else {
        return unknown();
    };
    match product.delivery(&command.reference) {
        Some(delivery) if delivery.quantity == command.quantity => Decision::nothing(),
        Some(delivery) => {
            let detail = format!("The reference was received with {} pieces.", delivery.quantity);
            refuse(Code::ReferenceReused, detail)
        }
        None if product.on_hand + command.quantity > ON_HAND_MAX => over_limit(),
        None => Decision::event(StockReceived {
            sku: command.sku.clone(),
            reference: command.reference.clone(),
            quantity: command.quantity,
        }),
    }
}

/// An adjustment carries no reference, so only its command id makes a repeat harmless.
pub(crate) fn adjust(product: Option<&Product>, command: &AdjustStock) -> Decision {
    let Some(product) = product else {
        return unknown();
    };
    let on_hand = product.on_hand + command.quantity;
    if on_hand > ON_HAND_MAX {
        return over_limit();
    }
    if on_hand < product.reserved {
        let detail = format!(
            "{} of {} pieces on hand are held for orders.",
            product.reserved, product.on_hand
        );
        return refuse(Code::BelowReserved, detail);
    }
    Decision::event(StockAdjusted {
        sku: command.sku.clone(),
        quantity: command.quantity,
        reason: command.reason.clone(),
    })
}

pub(super) fn unknown() -> Decision {
    refuse(Code::UnknownSku, "No product has this SKU.")
}

fn over_limit() -> Decision {
    let detail = format!("A product holds at most {ON_HAND_MAX} pieces.");
    refuse(Code::StockLimit, detail)
}

fn refuse(code: Code, detail: impl Into<String>) -> Decision {
    Decision::refused(code.refuse(detail))
}
