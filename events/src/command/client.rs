//! Commands that clients post.

use serde::{Deserialize, Serialize};

use super::command_record;
use crate::{Money, line::OrderLine};

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

command_record!(RegisterProduct, "commands/RegisterProduct.v1.avsc", Client, Products by sku, since 1, creating);
command_record!(ChangePrice, "commands/ChangePrice.v1.avsc", Client, Products by sku, since 1);
command_record!(ReceiveStock, "commands/ReceiveStock.v1.avsc", Client, Products by sku, since 1);
command_record!(AdjustStock, "commands/AdjustStock.v1.avsc", Client, Products by sku, since 1);
command_record!(PlaceOrder, "commands/PlaceOrder.v1.avsc", Client, Orders by order_id, since 1, creating);
command_record!(PayOrder, "commands/PayOrder.v1.avsc", Client, Orders by order_id, since 1);
command_record!(CancelOrder, "commands/CancelOrder.v1.avsc", Client, Orders by order_id, since 1);
command_record!(ShipOrder, "commands/ShipOrder.v1.avsc", Client, Orders by order_id, since 1);
command_record!(DeactivateProduct, "commands/DeactivateProduct.v1.avsc", Client, Products by sku, since 3);
command_record!(ReactivateProduct, "commands/ReactivateProduct.v1.avsc", Client, Products by sku, since 3);
command_record!(SetLowStockThreshold, "commands/SetLowStockThreshold.v1.avsc", Client, Products by sku, since 3);
