//! Events of orders: the life of an order from placed to its final status.

use serde::{Deserialize, Serialize};

use crate::{
    Millis, Money,
    event::event_record,
    line::{LineQuantity, OrderLine, PricedLine, RefusedLine, ReservedLine},
};

/// A customer asked for goods; stock is being reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: String,
    /// Opaque id of the customer; absent for guests.
    pub customer_id: Option<String>,
    pub currency: String,
    pub lines: Vec<OrderLine>,
}

/// One of several product shards answered; others are still awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRecorded {
    pub order_id: String,
    pub reserved: Vec<ReservedLine>,
    pub refused: Vec<RefusedLine>,
    /// Numbers of the lines that hold no stock only because a line beside them was refused.
    pub withheld: Vec<i32>,
}

/// All lines hold stock; payment is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReserved {
    pub order_id: String,
    pub lines: Vec<PricedLine>,
    /// Sum of quantity times unit price.
    pub total: Money,
    /// Log time after which the order expires.
    pub payment_deadline: Millis,
}

/// Some lines hold stock and the others were refused; payment of what is held is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPartlyReserved {
    pub order_id: String,
    /// The lines that hold stock; at least one.
    pub lines: Vec<PricedLine>,
    /// The lines that were refused; at least one. A line in neither list was withheld: it stood
    /// beside a refused one where all or nothing was held.
    pub refused: Vec<RefusedLine>,
    /// Sum of quantity times unit price over the held lines.
    pub total: Money,
    /// Log time after which the order expires.
    pub payment_deadline: Millis,
}

/// At least one line was refused; the order is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRejected {
    pub order_id: String,
    pub refused: Vec<RefusedLine>,
    /// Lines whose held stock is given back.
    pub released: Vec<LineQuantity>,
}

/// The exact total was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPaid {
    pub order_id: String,
    pub reference: String,
    pub amount: Money,
}

/// The whole order left the house; the order is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderShipped {
    pub order_id: String,
    pub reference: String,
    pub lines: Vec<LineQuantity>,
}

/// The order was called off; the order is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order_id: String,
    pub reason: String,
    /// What must be paid back; absent when nothing was paid.
    pub refund_due: Option<Money>,
    /// Lines whose held stock is given back.
    pub released: Vec<LineQuantity>,
}

/// The payment deadline passed; the order is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderExpired {
    pub order_id: String,
    /// Lines whose held stock is given back.
    pub released: Vec<LineQuantity>,
}

/// A product shard held stock for an order that no longer waits; it is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateReservationReleased {
    pub order_id: String,
    /// Lines whose held stock is given back.
    pub released: Vec<LineQuantity>,
}

event_record!(OrderPlaced, "events/OrderPlaced.v1.avsc", Orders by order_id);
event_record!(ReservationRecorded, "events/ReservationRecorded.v1.avsc", Orders by order_id);
event_record!(OrderReserved, "events/OrderReserved.v1.avsc", Orders by order_id);
event_record!(OrderPartlyReserved, "events/OrderPartlyReserved.v1.avsc", Orders by order_id);
event_record!(OrderRejected, "events/OrderRejected.v1.avsc", Orders by order_id);
event_record!(OrderPaid, "events/OrderPaid.v1.avsc", Orders by order_id);
event_record!(OrderShipped, "events/OrderShipped.v1.avsc", Orders by order_id);
event_record!(OrderCancelled, "events/OrderCancelled.v1.avsc", Orders by order_id);
event_record!(OrderExpired, "events/OrderExpired.v1.avsc", Orders by order_id);
event_record!(LateReservationReleased, "events/LateReservationReleased.v1.avsc", Orders by order_id);
