//! Read model `products`: the catalogue with its stock.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{Event, Kind, Money, Topic, product::ProductRegistered};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Projection, Table};
use crate::{
    change::Change,
    fact::{Fact, Source, Unfit},
};

/// The projection.
#[derive(Debug)]
pub struct Products;

/// A row of `products`.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Product {
    pub sku: String,
    pub name: String,
    /// Price of a piece in minor units.
    pub price_amount: i64,
    pub currency: String,
    /// Pieces in the house.
    pub on_hand: i64,
    /// Pieces held for orders; never more than are on hand.
    pub reserved: i64,
    /// Whether orders may get stock of it.
    pub active: bool,
    /// Available pieces at which it counts as low; absent: never.
    pub low_stock_threshold: Option<i64>,
    pub registered_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// Partition of the event topic.
    pub source_partition: i32,
    /// The last event that was folded since the row was loaded.
    #[sqlx(skip)]
    pub last: Option<Last>,
}

/// What the row does not keep of its last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    pub event: &'static str,
    pub command_id: Option<Uuid>,
    pub source: Source,
}

impl Last {
    fn of(fact: &Fact<Event>) -> Self {
        let Fact { body, command_id, source, .. } = fact;
        Self { event: body.name(), command_id: *command_id, source: source.clone() }
    }
}

impl Projection for Products {
    const NAME: &'static str = "products";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Products)];
    const TABLES: &'static [Table] = &[Table::new("products", &["sku"])];

    type Body = Event;
    type Rows = Product;

    fn key(event: &Event) -> Option<&str> {
        // A refused reservation belongs to an order and changes no product.
        match event {
            Event::ReservationRefused(_) => None,
            event => Some(event.key()),
        }
    }

    fn fold(row: &mut Option<Product>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match (&fact.body, row) {
            (Event::ProductRegistered(event), row @ None) => {
                *row = Some(registered(event, fact)?);
                Ok(())
            }
            (Event::ProductRegistered(_), Some(_)) => Err(Unfit::Exists),
            (_, None) => Err(Unfit::Missing),
            (event, Some(product)) => {
                let version = fact.version_after(product.version)?;
                product.change(event)?;
                product.version = version;
                product.updated_at = fact.at;
                product.last = Some(Last::of(fact));
                Ok(())
            }
        }
    }

    async fn load(
        connection: &mut PgConnection,
        skus: &[&str],
    ) -> sqlx::Result<BTreeMap<String, Product>> {
        let products: Vec<Product> = sqlx::query_as(
            "SELECT sku, name, price_amount, currency, on_hand, reserved, active,
                    low_stock_threshold, registered_at, updated_at, version, source_partition
             FROM products WHERE sku = ANY($1)",
        )
        .bind(skus)
        .fetch_all(connection)
        .await?;
        let by_sku = products.into_iter().map(|p| (p.sku.clone(), p));
        Ok(by_sku.collect())
    }

    /// The fold has checked that each version follows the stored one, under the lock of the
    /// checkpoint row; the upsert needs no guard of its own.
    async fn store(connection: &mut PgConnection, products: &[&Product]) -> sqlx::Result<()> {
        let column = products.iter();
        sqlx::query(
            "INSERT INTO products (sku, name, price_amount, currency, on_hand, reserved,
                 registered_at, updated_at, version, source_partition, active,
                 low_stock_threshold)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[],
                 $6::bigint[], $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::integer[],
                 $11::boolean[], $12::bigint[])
             ON CONFLICT (sku) DO UPDATE SET
                 price_amount = excluded.price_amount, on_hand = excluded.on_hand,
                 reserved = excluded.reserved, active = excluded.active,
                 low_stock_threshold = excluded.low_stock_threshold,
                 updated_at = excluded.updated_at, version = excluded.version",
        )
        .bind(column.clone().map(|p| p.sku.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.name.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.price_amount).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.currency.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.on_hand).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.reserved).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.registered_at).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.updated_at).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.version).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.source_partition).collect::<Vec<_>>())
        .bind(column.clone().map(|p| p.active).collect::<Vec<_>>())
        .bind(column.map(|p| p.low_stock_threshold).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// One for all events of a batch: a ticker wants the latest stock, and a product in a spike has
    /// thousands of events a second.
    fn changes(product: &Product) -> Vec<Change> {
        let change = |last: &Last| Change {
            key: product.sku.clone(),
            customer_id: None,
            version: product.version,
            event: last.event,
            state: json!({
                "name": product.name, "price_amount": product.price_amount,
                "currency": product.currency, "on_hand": product.on_hand,
                "reserved": product.reserved, "active": product.active,
                "low_stock_threshold": product.low_stock_threshold, "registered_at": product.registered_at,
                "updated_at": product.updated_at,
            }),
            command_id: last.command_id,
            source: last.source.clone(),
        };
        product.last.iter().map(change).collect()
    }

    async fn remove(connection: &mut PgConnection, keys: &[&str]) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM products WHERE sku = ANY($1)")
            .bind(keys)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM products WHERE source_partition = $1")
            .bind(partition.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn registered(event: &ProductRegistered, fact: &Fact<Event>) -> Result<Product, Unfit> {
    Ok(Product {
        sku: event.sku.clone(),
        name: event.name.clone(),
        price_amount: event.price.amount,
        currency: event.price.currency.clone(),
        on_hand: 0,
        reserved: 0,
        active: true,
        low_stock_threshold: None,
        registered_at: fact.at,
        updated_at: fact.at,
        version: fact.version_after(0)?,
        source_partition: fact.source.partition.number,
        last: Some(Last::of(fact)),
    })
}

impl Product {
    /// Takes an event on a product that exists; on an error nothing has changed.
    fn change(&mut self, event: &Event) -> Result<(), Unfit> {
        match event {
            Event::PriceChanged(event) => self.price(&event.price),
            Event::StockReceived(event) => self.stock(event.quantity, 0),
            Event::StockAdjusted(event) => self.stock(event.quantity, 0),
            Event::StockReserved(event) => self.stock(0, event.quantity),
            Event::StockReleased(event) => self.stock(0, less(event.quantity)?),
            Event::StockShipped(event) => {
                let shipped = less(event.quantity)?;
                self.stock(shipped, shipped)
            }
            Event::ProductDeactivated(_) => {
                self.active = false;
                Ok(())
            }
            Event::ProductReactivated(_) => {
                self.active = true;
                Ok(())
            }
            Event::LowStockThresholdSet(event) => {
                self.low_stock_threshold = event.threshold;
                Ok(())
            }
            // It tells of what the event before it has changed.
            Event::StockRanLow(_) => Ok(()),
            _ => Err(Unfit::Stranger),
        }
    }

    fn price(&mut self, price: &Money) -> Result<(), Unfit> {
        if price.currency != self.currency {
            return Err(Unfit::Currency {
                expected: self.currency.clone(),
                found: price.currency.clone(),
            });
        }
        self.price_amount = price.amount;
        Ok(())
    }

    fn stock(&mut self, on_hand_change: i64, reserved_change: i64) -> Result<(), Unfit> {
        let on_hand = self.on_hand.checked_add(on_hand_change);
        let on_hand = on_hand.ok_or(Unfit::Range("on hand"))?;
        let reserved = self.reserved.checked_add(reserved_change);
        let reserved = reserved.ok_or(Unfit::Range("reserved"))?;
        if reserved < 0 || reserved > on_hand {
            return Err(Unfit::Range("reserved"));
        }
        (self.on_hand, self.reserved) = (on_hand, reserved);
        Ok(())
    }
}

fn less(quantity: i64) -> Result<i64, Unfit> {
    quantity.checked_neg().ok_or(Unfit::Range("quantity"))
}

#[cfg(test)]
mod tests;
