//! The forms in which an order line travels.

use serde::{Deserialize, Serialize};

/// A wish for one SKU; a SKU may stand in several lines of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Number of the line in its order, from 1.
    pub line: i32,
    pub sku: String,
    /// Pieces, at least 1.
    pub quantity: i64,
    /// Highest acceptable price of a piece in minor units; absent: any.
    pub unit_price_max: Option<i64>,
}

/// A line for which stock is held, at the price decided where the stock is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedLine {
    pub line: i32,
    /// Price of a piece in minor units.
    pub unit_price: i64,
}

/// A line for which no stock could be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    pub line: i32,
    pub sku: String,
    /// Stable code: `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch`.
    pub reason: String,
    /// Pieces that were available, where stock was the reason.
    pub available: Option<i64>,
}

/// What one order line holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuantity {
    pub line: i32,
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
}

/// A line with the price at which its stock is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    pub line: i32,
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
    /// Price of a piece in minor units.
    pub unit_price: i64,
}
