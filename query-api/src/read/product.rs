//! Products: one, and the list by SKU.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Postgres, QueryBuilder, Row, postgres::PgRow};
use utoipa::ToSchema;

use super::{
    Database, Error, Page,
    batch::{self, Batch},
    checkpoint::{Marks, Projection},
    money::Money,
    stamp::{self, Stamp, Stamped},
    time,
};

/// A product with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    #[schema(example = "TSHIRT-M")]
    pub sku: String,
    #[schema(example = "T-shirt, medium")]
    pub name: String,
    /// Price of a piece.
    pub price: Money,
    /// Pieces in the house.
    pub on_hand: i64,
    /// Pieces of these that are held for orders.
    pub reserved: i64,
    /// Pieces that can still be ordered: on hand less reserved.
    pub available: i64,
    /// Whether orders may get stock of it.
    #[schema(example = true)]
    pub active: bool,
    /// Available pieces at which it counts as low; null: never.
    pub low_stock_threshold: Option<i64>,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub registered_at: DateTime<Utc>,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: DateTime<Utc>,
    /// Rises by one with every event of the product; the ETag.
    #[schema(example = 2)]
    pub version: i64,
}

/// A product `p`.
macro_rules! all {
    () => {
        "p.sku, p.name, p.price_amount, p.currency, p.on_hand, p.reserved, p.active,
         p.low_stock_threshold, p.registered_at, p.updated_at, p.version, p.source_partition"
    };
}

const BY_SKU: &str = concat!(
    "SELECT ",
    stamp::columns!("products"),
    ", ",
    all!(),
    " FROM (SELECT) one LEFT JOIN products p ON p.sku = $1"
);

const BY_SKUS: &str = concat!(
    "SELECT ",
    batch::columns!("products"),
    ", ",
    all!(),
    " FROM unnest($1::text[]) WITH ORDINALITY AS k(key, nth) LEFT JOIN products p ON p.sku = k.key"
);

/// Which products a list shows; absent means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words that the name or the SKU must hold, as in a web search: `"…"`, `or` and `-` count.
    pub words: Option<String>,
    /// Whether pieces can still be ordered.
    pub in_stock: Option<bool>,
    /// Whether orders may get stock of it.
    pub active: Option<bool>,
}

impl Database {
    /// The product, unless no event of it has been projected.
    pub async fn product(&self, sku: &str) -> Result<Option<Product>, Error> {
        Ok(self.product_stamped(sku).await?.row)
    }

    /// The same with what it was read with.
    pub async fn product_stamped(&self, sku: &str) -> Result<Stamped<Product>, Error> {
        self.read(|mut lease| async move {
            let row = sqlx::query(BY_SKU).bind(sku).fetch_one(&mut *lease).await;
            lease.end(row.and_then(|row| stamped(&row)))
        })
        .await
    }

    /// Products by their SKUs, with one statement.
    pub async fn products_by_sku(&self, skus: &[&str]) -> Result<Batch<Product>, Error> {
        let rows = self.read(|mut lease| async move {
            let rows = sqlx::query(BY_SKUS).bind(skus).fetch_all(&mut *lease).await;
            lease.end(rows)
        });
        let rows = rows.await?;
        Ok(Batch::of(&rows, Projection::Products, "sku")?)
    }

    /// One page of the products that match, by SKU, from after the SKU `after`; and how far the read
    /// model was in the same moment, if that is to be judged.
    pub async fn find_products(
        &self,
        filter: &Filter,
        after: Option<&str>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<Product, String>, Marks), Error> {
        let fetch = Page::<Product, String>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Products);
        let (rows, marks) = self.list(|| statement(filter, after, fetch), judged).await?;
        Ok((Page::cut(rows, rows_max, |last: &Product| last.sku.clone()), marks))
    }
}

fn stamped(row: &PgRow) -> Result<Stamped<Product>, sqlx::Error> {
    let stamp = Stamp::of(row, Projection::Products)?;
    let is_there = row.try_get::<Option<&str>, _>("sku")?.is_some();
    let partition = row.try_get("source_partition")?;
    let row = is_there.then(|| Product::from_row(row)).transpose()?;
    Ok(Stamped { row, partition, stamp })
}

/// Only conditions that were asked for stand in the statement, so that each combination is planned
/// on its own.
fn statement(filter: &Filter, after: Option<&str>, fetch: i64) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT sku, name, price_amount, currency, on_hand, reserved, active, low_stock_threshold,
                registered_at, updated_at, version
         FROM products WHERE true",
    );
    if let Some(words) = &filter.words {
        // As the index `products_words` has it.
        query.push(" AND to_tsvector('simple'::regconfig, name || ' ' || sku)");
        query.push(" @@ websearch_to_tsquery('simple'::regconfig, ");
        query.push_bind(words.clone()).push(")");
    }
    match filter.in_stock {
        Some(true) => query.push(" AND reserved < on_hand"),
        Some(false) => query.push(" AND reserved >= on_hand"),
        None => &mut query,
    };
    if let Some(active) = filter.active {
        query.push(" AND active = ").push_bind(active);
    }
    if let Some(sku) = after {
        query.push(" AND sku > ").push_bind(sku.to_owned());
    }
    query.push(" ORDER BY sku LIMIT ").push_bind(fetch);
    query
}

impl FromRow<'_, PgRow> for Product {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let currency: String = row.try_get("currency")?;
        let on_hand: i64 = row.try_get("on_hand")?;
        let reserved: i64 = row.try_get("reserved")?;
        Ok(Self {
            sku: row.try_get("sku")?,
            name: row.try_get("name")?,
            price: Money { amount: row.try_get("price_amount")?, currency },
            on_hand,
            reserved,
            // Both lie between 0 and 10^12, so the difference cannot overflow; saturating says so
            // without a panic should a row be damaged.
            available: on_hand.saturating_sub(reserved),
            active: row.try_get("active")?,
            low_stock_threshold: row.try_get("low_stock_threshold")?,
            registered_at: row.try_get("registered_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        })
    }
}
