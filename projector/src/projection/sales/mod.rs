//! Read model `sales`: what was paid and paid back, by day and by product.
//!
//! An order is sold with its `OrderPaid`, at the prices of its reserved lines. When it is cancelled
//! after that it counts as refunded, on the day of the `OrderCancelled`; the day of the payment keeps
//! what it had. Days are those of the events' log time in UTC.
//!
//! The orders of a day lie in all partitions. So the rows of a key are one order with what it counts
//! for, and what it counts for is added to sums per day and partition, which readers add up.

mod sql;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use eventlog::Partition;
use events::{Event, Kind, Money, Topic, line::PricedLine};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Projection, Table};
use crate::fact::{Fact, Unfit};

/// The projection.
#[derive(Debug)]
pub struct Sales;

/// A row of `sale_orders`, and what of it the sums hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    pub order_id: String,
    pub currency: String,
    /// Minor units: what the reserved lines cost together.
    pub total_amount: i64,
    /// The reserved lines by SKU.
    pub products: BTreeMap<String, Sold>,
    pub days: Days,
    /// Of the last event that this read model looks at.
    pub version: i64,
    /// Partition of the event topic.
    pub source_partition: i32,
    /// The days that the sums held when the row was loaded.
    pub counted: Days,
}

/// What an order holds of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sold {
    pub pieces: i64,
    /// Minor units.
    pub amount: i64,
}

/// The days on which an order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Days {
    pub paid_on: Option<NaiveDate>,
    pub refunded_on: Option<NaiveDate>,
}

impl Projection for Sales {
    const NAME: &'static str = "sales";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Orders)];
    const TABLES: &'static [Table] = &[
        Table::new("sale_orders", &["order_id"]),
        Table::new("sales_by_day", &["day", "currency", "source_partition"]),
        Table::new("sales_by_product", &["sku", "day", "currency", "source_partition"]),
    ];

    type Body = Event;
    type Rows = Sale;

    /// An order that was never reserved sells nothing, and has no row here.
    fn key(event: &Event) -> Option<&str> {
        match event {
            Event::OrderReserved(_)
            | Event::OrderPartlyReserved(_)
            | Event::OrderPaid(_)
            | Event::OrderShipped(_)
            | Event::OrderCancelled(_) => Some(event.key()),
            _ => None,
        }
    }

    fn fold(row: &mut Option<Sale>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match (&fact.body, row) {
            (Event::OrderReserved(event), row) => {
                reserved(row, &event.order_id, &event.lines, &event.total, fact)
            }
            (Event::OrderPartlyReserved(event), row) => {
                reserved(row, &event.order_id, &event.lines, &event.total, fact)
            }
            // It was cancelled while it was being placed.
            (Event::OrderCancelled(event), None) if event.refund_due.is_none() => Ok(()),
            (_, None) => Err(Unfit::Missing),
            (event, Some(sale)) => {
                let version = fact.version_after(sale.version)?;
                sale.days = sale.after(event, fact.at.date_naive())?;
                sale.version = version;
                Ok(())
            }
        }
    }

    async fn load(
        connection: &mut PgConnection,
        order_ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, Sale>> {
        sql::load(connection, order_ids).await
    }

    async fn store(connection: &mut PgConnection, sales: &[&Sale]) -> sqlx::Result<()> {
        sql::store(connection, sales).await
    }

    async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
        sql::remove(connection, order_ids).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sql::clear(connection, partition.number).await
    }
}

/// The lines are sold at these prices once the order is paid.
fn reserved(
    row: &mut Option<Sale>,
    order_id: &str,
    lines: &[PricedLine],
    total: &Money,
    fact: &Fact<Event>,
) -> Result<(), Unfit> {
    if row.is_some() {
        return Err(Unfit::Exists);
    }
    let mut products: BTreeMap<String, Sold> = BTreeMap::new();
    let mut total_amount: i64 = 0;
    for line in lines {
        let amount = line.quantity.checked_mul(line.unit_price).ok_or(Unfit::Range("amount"))?;
        let sold = products.entry(line.sku.clone()).or_default();
        sold.pieces = sold.pieces.checked_add(line.quantity).ok_or(Unfit::Range("pieces"))?;
        sold.amount = sold.amount.checked_add(amount).ok_or(Unfit::Range("amount"))?;
        total_amount = total_amount.checked_add(amount).ok_or(Unfit::Range("total"))?;
    }
    if total_amount != total.amount {
        return Err(Unfit::Range("total"));
    }
    *row = Some(Sale {
        order_id: order_id.to_owned(),
        currency: total.currency.clone(),
        total_amount,
        products,
        days: Days::default(),
        version: fact.version.ok_or(Unfit::NoVersion)?,
        source_partition: fact.source.partition.number,
        counted: Days::default(),
    });
    Ok(())
}

impl Sale {
    /// The days on which the order counts after an event.
    fn after(&self, event: &Event, day: NaiveDate) -> Result<Days, Unfit> {
        let days = self.days;
        match event {
            Event::OrderPaid(_) if days.paid_on.is_some() => Err(Unfit::Exists),
            Event::OrderPaid(event) => {
                self.is_total(&event.amount)?;
                Ok(Days { paid_on: Some(day), ..days })
            }
            Event::OrderShipped(_) if days.paid_on.is_none() => Err(Unfit::Missing),
            Event::OrderCancelled(event) => match &event.refund_due {
                Some(_) if days.paid_on.is_none() => Err(Unfit::Missing),
                Some(refund_due) => {
                    self.is_total(refund_due)?;
                    Ok(Days { refunded_on: Some(day), ..days })
                }
                None => Ok(days),
            },
            _ => Ok(days),
        }
    }

    /// Whoever pays or gets back another amount than the lines cost would make the sums of products
    /// and days differ.
    fn is_total(&self, money: &Money) -> Result<(), Unfit> {
        if money.currency != self.currency {
            let (expected, found) = (self.currency.clone(), money.currency.clone());
            return Err(Unfit::Currency { expected, found });
        }
        if money.amount == self.total_amount { Ok(()) } else { Err(Unfit::Range("amount")) }
    }
}
