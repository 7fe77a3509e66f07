//! Read model `customers`: how many orders each customer has, by status, and what they have spent.
//!
//! An order's customer stands in its first event alone, and a customer's orders lie in any partition.
//! So the rows of a key are one order with what it counts for, and what it counts for is added to
//! sums per customer and partition, which readers add up.
//!
//! Spend is what was paid less what is to be paid back: an amount counts from the order's `OrderPaid`
//! on, and no more from its `OrderCancelled` on, in the currency of the order.

mod sql;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use eventlog::Partition;
use events::{Event, Kind, Money, Topic, order::OrderPlaced};
use sqlx::PgConnection;

pub use sums::{STATUSES, Status};

use super::{Projection, Table};
use crate::fact::{Fact, Unfit};

/// The projection.
#[derive(Debug)]
pub struct Customers;

/// A row of `customer_orders`, and what of it the sums hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOrder {
    pub order_id: String,
    /// Absent for guests, who are no customers.
    pub customer_id: Option<String>,
    pub currency: String,
    pub share: Share,
    pub version: i64,
    /// Partition of the event topic.
    pub source_partition: i32,
    /// The share that the sums held when the row was loaded; absent for an order that is new.
    pub counted: Option<Share>,
}

/// What an order counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub status: Status,
    /// Minor units; 0 until it is paid.
    pub paid_amount: i64,
    /// Minor units; 0 unless it was cancelled after it was paid.
    pub refund_due_amount: i64,
}

impl Projection for Customers {
    const NAME: &'static str = "customers";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Orders)];
    const TABLES: &'static [Table] = &[
        Table::new("customer_orders", &["order_id"]),
        Table::new("customers", &["customer_id", "source_partition"]),
        Table::new("customer_spend", &["customer_id", "currency", "source_partition"]),
    ];

    type Body = Event;
    type Rows = CustomerOrder;

    fn key(event: &Event) -> Option<&str> {
        Some(event.key())
    }

    fn fold(row: &mut Option<CustomerOrder>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match (&fact.body, row) {
            (Event::OrderPlaced(event), row @ None) => {
                *row = Some(placed(event, fact)?);
                Ok(())
            }
            (Event::OrderPlaced(_), Some(_)) => Err(Unfit::Exists),
            (_, None) => Err(Unfit::Missing),
            (event, Some(order)) => {
                let version = fact.version_after(order.version)?;
                order.share = order.after(event)?;
                order.version = version;
                Ok(())
            }
        }
    }

    async fn load(
        connection: &mut PgConnection,
        order_ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, CustomerOrder>> {
        sql::load(connection, order_ids).await
    }

    async fn store(connection: &mut PgConnection, orders: &[&CustomerOrder]) -> sqlx::Result<()> {
        sql::store(connection, orders).await
    }

    async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
        sql::remove(connection, order_ids).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sql::clear(connection, partition.number).await
    }
}

fn placed(event: &OrderPlaced, fact: &Fact<Event>) -> Result<CustomerOrder, Unfit> {
    Ok(CustomerOrder {
        order_id: event.order_id.clone(),
        customer_id: event.customer_id.clone(),
        currency: event.currency.clone(),
        share: Share { status: Status::Placed, paid_amount: 0, refund_due_amount: 0 },
        version: fact.version_after(0)?,
        source_partition: fact.source.partition.number,
        counted: None,
    })
}

impl CustomerOrder {
    /// What the order counts for after an event.
    fn after(&self, event: &Event) -> Result<Share, Unfit> {
        let becomes = |status| Ok(Share { status, ..self.share });
        match event {
            Event::OrderReserved(_) | Event::OrderPartlyReserved(_) => becomes(Status::Reserved),
            Event::OrderRejected(_) => becomes(Status::Rejected),
            Event::OrderPaid(event) => {
                let paid_amount = self.amount(&event.amount)?;
                Ok(Share { status: Status::Paid, paid_amount, ..self.share })
            }
            Event::OrderShipped(_) => becomes(Status::Shipped),
            Event::OrderCancelled(event) => {
                let refund_due = event.refund_due.as_ref().map(|money| self.amount(money));
                let refund_due_amount = refund_due.transpose()?.unwrap_or(0);
                Ok(Share { status: Status::Cancelled, refund_due_amount, ..self.share })
            }
            Event::OrderExpired(_) => becomes(Status::Expired),
            Event::ReservationRecorded(_) | Event::LateReservationReleased(_) => Ok(self.share),
            _ => Err(Unfit::Stranger),
        }
    }

    /// The amount in minor units, when the currency is the order's.
    fn amount(&self, money: &Money) -> Result<i64, Unfit> {
        if money.currency == self.currency {
            Ok(money.amount)
        } else {
            let (expected, found) = (self.currency.clone(), money.currency.clone());
            Err(Unfit::Currency { expected, found })
        }
    }
}
