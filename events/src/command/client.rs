//! Commands that clients post.

use serde::{Deserialize, Serialize};

use crate::{Money, codec::record, line::OrderLine};

/// Enter a product into the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterProduct {
    pub sku: String,
    pub name: String,
    pub price: Money,
}

/// Change what a piece costs; never its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePrice {
    pub sku: String,
    pub price: Money,
}

/// Add a delivery to the stock on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveStock {
    pub sku: String,
    /// The delivery note; a repeat is harmless.
    pub reference: String,
    pub quantity: i64,
}

/// Correct the stock on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustStock {
    pub sku: String,
    /// Change of the pieces on hand; negative for a loss.
    pub quantity: i64,
    pub reason: String,
}

/// Take a product off sale; what is held for orders stays held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeactivateProduct {
    pub sku: String,
    pub reason: String,
}

/// Put a product on sale again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactivateProduct {
    pub sku: String,
    pub reason: String,
}

/// Say at how few available pieces a product counts as low.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLowStockThreshold {
    pub sku: String,
    /// Pieces; absent: never.
    pub threshold: Option<i64>,
}

/// Place an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    pub order_id: String,
    /// Opaque id of the customer; absent for guests.
    pub customer_id: Option<String>,
    pub currency: String,
    pub lines: Vec<OrderLine>,
}

/// Record the payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayOrder {
    pub order_id: String,
    pub reference: String,
    /// Must equal the order's total.
    pub amount: Money,
}

/// Call an order off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    pub order_id: String,
    pub reason: String,
}

/// Record that the whole order left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipOrder {
    pub order_id: String,
    pub reference: String,
}

record!(RegisterProduct, "spillway.commands", "commands/RegisterProduct.v1.avsc");
record!(ChangePrice, "spillway.commands", "commands/ChangePrice.v1.avsc");
record!(ReceiveStock, "spillway.commands", "commands/ReceiveStock.v1.avsc");
record!(AdjustStock, "spillway.commands", "commands/AdjustStock.v1.avsc");
record!(PlaceOrder, "spillway.commands", "commands/PlaceOrder.v1.avsc");
record!(PayOrder, "spillway.commands", "commands/PayOrder.v1.avsc");
record!(CancelOrder, "spillway.commands", "commands/CancelOrder.v1.avsc");
record!(ShipOrder, "spillway.commands", "commands/ShipOrder.v1.avsc");
record!(DeactivateProduct, "spillway.commands", "commands/DeactivateProduct.v1.avsc");
record!(ReactivateProduct, "spillway.commands", "commands/ReactivateProduct.v1.avsc");
record!(SetLowStockThreshold, "spillway.commands", "commands/SetLowStockThreshold.v1.avsc");
