//! Read model `orders`: orders as they stand, their lines, and everything that happened to them.

mod changes;
mod fold;
mod history;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{Event, Kind, Topic};
use sqlx::PgConnection;

pub use history::{After, Happening};

use super::{Projection, Table};
use crate::{
    change::Change,
    fact::{Fact, Unfit},
};

/// The projection.
#[derive(Debug)]
pub struct Orders;

/// All rows of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRows {
    pub order: Order,
    /// By line number, rising.
    pub lines: Vec<Line>,
    /// True when `lines` differ from what was loaded.
    pub are_lines_changed: bool,
    /// What was folded since the rows were loaded, oldest first.
    pub happenings: Vec<Happening>,
}

/// A row of `orders`.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
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

impl Projection for Orders {
    const NAME: &'static str = "orders";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Orders)];
    const TABLES: &'static [Table] = &[
        Table::new("orders", &["order_id"]),
        Table::new("order_lines", &["order_id", "line"]),
        Table { name: "order_history", key: &["order_id", "version"], hints: &["kafka_offset"] },
    ];

    type Body = Event;
    type Rows = OrderRows;

    fn key(event: &Event) -> Option<&str> {
        Some(event.key())
    }

    fn fold(rows: &mut Option<OrderRows>, fact: &Fact<Event>) -> Result<(), Unfit> {
        fold::fold(rows, fact)?;
        if let Some(rows) = rows
            && let Some(happening) = rows.happenings.last_mut()
        {
            happening.after = After::from(&rows.order);
        }
        Ok(())
    }

    async fn load(
        connection: &mut PgConnection,
        order_ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, OrderRows>> {
        sql::load(connection, order_ids).await
    }

    async fn store(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
        sql::store(connection, rows).await
    }

    fn changes(rows: &OrderRows) -> Vec<Change> {
        changes::of(rows)
    }

    async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
        sql::remove(connection, order_ids).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sql::clear(connection, partition.number).await
    }
}
