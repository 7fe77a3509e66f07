//! Events of products: facts about catalogue and stock.

use serde::{Deserialize, Serialize};

use crate::{Money, event::event_record, line::RefusedLine};

/// A product entered the catalogue, without stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRegistered {
    pub sku: String,
    pub name: String,
    pub price: Money,
}

/// From here on reservations are made at this price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChanged {
    pub sku: String,
    pub price: Money,
}

/// Pieces arrived under a delivery note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReceived {
    pub sku: String,
    pub reference: String,
    pub quantity: i64,
}

/// A count or a loss corrected the stock on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAdjusted {
    pub sku: String,
    /// Change of the pieces on hand; negative for a loss.
    pub quantity: i64,
    pub reason: String,
}

/// Pieces are held for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReserved {
    pub sku: String,
    pub order_id: String,
    /// Pieces held, over all lines of the order with this SKU.
    pub quantity: i64,
    /// Price of a piece in minor units of the product's currency.
    pub unit_price: i64,
    /// Numbers of the order lines, rising.
    pub lines: Vec<i32>,
}

/// An order asked for stock that this shard could not hold; nothing of the order is held here.
///
/// It belongs to no product: its key is the order id, and it carries no version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRefused {
    pub order_id: String,
    pub lines: Vec<RefusedLine>,
}

/// Pieces held for an order are available again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReleased {
    pub sku: String,
    pub order_id: String,
    pub quantity: i64,
}

/// Pieces held for an order left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockShipped {
    pub sku: String,
    pub order_id: String,
    pub quantity: i64,
}

/// The product is off sale: no order gets stock of it. What is held stays held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductDeactivated {
    pub sku: String,
    pub reason: String,
}

/// The product is on sale again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductReactivated {
    pub sku: String,
    pub reason: String,
}

/// From here on the product counts as low at this many available pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowStockThresholdSet {
    pub sku: String,
    /// Pieces; absent: never.
    pub threshold: Option<i64>,
}

/// The available pieces fell to the threshold or below it, from above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRanLow {
    pub sku: String,
    /// Pieces on hand that are not held for orders.
    pub available: i64,
    pub threshold: i64,
}

event_record!(ProductRegistered, "events/ProductRegistered.v1.avsc", Products by sku);
event_record!(PriceChanged, "events/PriceChanged.v1.avsc", Products by sku);
event_record!(StockReceived, "events/StockReceived.v1.avsc", Products by sku);
event_record!(StockAdjusted, "events/StockAdjusted.v1.avsc", Products by sku);
event_record!(StockReserved, "events/StockReserved.v1.avsc", Products by sku);
event_record!(ReservationRefused, "events/ReservationRefused.v1.avsc", Products by order_id, without version);
event_record!(StockReleased, "events/StockReleased.v1.avsc", Products by sku);
event_record!(StockShipped, "events/StockShipped.v1.avsc", Products by sku);
event_record!(ProductDeactivated, "events/ProductDeactivated.v1.avsc", Products by sku);
event_record!(ProductReactivated, "events/ProductReactivated.v1.avsc", Products by sku);
event_record!(LowStockThresholdSet, "events/LowStockThresholdSet.v1.avsc", Products by sku);
event_record!(StockRanLow, "events/StockRanLow.v1.avsc", Products by sku);
