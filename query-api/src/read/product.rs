//! Products: one, and the list by SKU.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, Row, postgres::PgRow};
use utoipa::ToSchema;

use super::{Database, Error, Page, money::Money, time};

/// A product with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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

const BY_SKU: &str = "
    SELECT sku, name, price_amount, currency, on_hand, reserved, registered_at, updated_at, version
    FROM products
    WHERE sku = $1";

const FIRST_PAGE: &str = "
    SELECT sku, name, price_amount, currency, on_hand, reserved, registered_at, updated_at, version
    FROM products
    ORDER BY sku
    LIMIT $1";

const NEXT_PAGE: &str = "
    SELECT sku, name, price_amount, currency, on_hand, reserved, registered_at, updated_at, version
    FROM products
    WHERE sku > $2
    ORDER BY sku
    LIMIT $1";

impl Database {
    /// The product, unless no event of it has been projected.
    pub async fn product(&self, sku: &str) -> Result<Option<Product>, Error> {
        self.read(sqlx::query_as(BY_SKU).bind(sku).fetch_optional(self.pool())).await
    }

    /// One page of all products, from after the SKU `after`.
    pub async fn products(
        &self,
        after: Option<&str>,
        rows_max: u16,
    ) -> Result<Page<Product, String>, Error> {
        let fetch = Page::<Product, String>::fetch(rows_max);
        let query = match after {
            None => sqlx::query_as(FIRST_PAGE).bind(fetch),
            Some(sku) => sqlx::query_as(NEXT_PAGE).bind(fetch).bind(sku),
        };
        let rows = self.read(query.fetch_all(self.pool())).await?;
        Ok(Page::cut(rows, rows_max, |last: &Product| last.sku.clone()))
    }
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
            registered_at: row.try_get("registered_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        })
    }
}
