//! Read model `orders`: an order as it stands, with its lines.

mod fold;
mod kept;

use chrono::{DateTime, Utc};
use events::Event;

pub use fold::fold;
pub use kept::{NotKept, event};

/// An event of an order with what its record says of it.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    pub event: &'a Event,
    /// Log time.
    pub at: DateTime<Utc>,
    /// Version of the order after the event.
    pub version: Option<i64>,
    /// Partition of the event topic.
    pub partition: i32,
}

/// All rows of one order. `H` is what the caller keeps of each event.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRows<H> {
    pub order: Order,
    /// By line number, rising.
    pub lines: Vec<Line>,
    /// True when `lines` differ from what was loaded.
    pub are_lines_changed: bool,
    /// What was folded since the rows were loaded, oldest first.
    pub happenings: Vec<H>,
}

/// A row of `orders`.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub order_id: String,
    /// Absent for guests.
    pub customer_id: Option<String>,
    pub currency: String,
    /// `placed`, `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`.
    pub status: String,
    /// Minor units; absent until all lines are reserved.
    pub total_amount: Option<i64>,
    /// Absent unless payment is or was awaited.
    pub payment_deadline: Option<DateTime<Utc>>,
    /// Minor units; absent when nothing must be paid back.
    pub refund_due_amount: Option<i64>,
    pub placed_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// Partition of the event topic.
    pub source_partition: i32,
}

/// A row of `order_lines`, without the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub line: i32,
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
    /// Minor units; absent: any price.
    pub unit_price_max: Option<i64>,
    /// Minor units; absent while no stock was held.
    pub unit_price: Option<i64>,
    /// Stable code; absent unless the line was refused.
    pub refusal: Option<String>,
    /// Pieces that were available when the line was refused for want of stock.
    pub available: Option<i64>,
}

impl<H> OrderRows<H> {
    /// Rows as they were stored, before their lines are added.
    pub fn loaded(order: Order) -> Self {
        Self { order, lines: Vec::new(), are_lines_changed: false, happenings: Vec::new() }
    }
}
