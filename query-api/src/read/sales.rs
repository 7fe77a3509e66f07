//! Sales per day and per product: what was paid, and what was paid back.
//!
//! The projection keeps sums per partition of orders; they are added up here.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder, Row, postgres::PgRow};
use utoipa::ToSchema;

use super::{
    Database, Error, Page,
    checkpoint::{Marks, Projection},
    sum,
};

/// Sales of one day in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DaySales {
    /// The day in UTC, by log time.
    #[schema(value_type = String, format = "date", example = "2026-11-27")]
    pub day: NaiveDate,
    #[serde(flatten)]
    pub sales: Sales,
}

/// Sales of one product in one currency, over all days that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductSales {
    #[schema(example = "TSHIRT-M")]
    pub sku: String,
    #[serde(flatten)]
    pub sales: Sales,
}

/// What was paid and paid back in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sales {
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Orders that were paid.
    #[schema(example = 3)]
    pub orders: i64,
    /// Their pieces.
    #[schema(example = 7)]
    pub pieces: i64,
    /// What was paid for them, in minor units.
    #[schema(value_type = i64, example = 12990)]
    pub amount: i128,
    pub refunded: Refunded,
    /// Paid less refunded; below zero where more was refunded.
    #[schema(value_type = i64, example = 8000)]
    pub net_amount: i128,
}

/// Orders that were cancelled after they were paid, on the day of the cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refunded {
    #[schema(example = 1)]
    pub orders: i64,
    #[schema(example = 2)]
    pub pieces: i64,
    /// Minor units that are to be paid back.
    #[schema(value_type = i64, example = 4990)]
    pub amount: i128,
}

/// Which sales count; absent means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The first day that counts.
    pub from: Option<NaiveDate>,
    /// The last day that counts.
    pub to: Option<NaiveDate>,
    pub currency: Option<String>,
    /// One product alone.
    pub sku: Option<String>,
}

/// Where a row stands in the list of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayKey {
    pub day: NaiveDate,
    pub currency: String,
}

/// Where a row stands in the list of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductKey {
    pub sku: String,
    pub currency: String,
}

const SUMS: &str = "currency, sum(orders)::bigint AS orders, sum(pieces)::bigint AS pieces,
    sum(amount)::text AS amount, sum(refunded_orders)::bigint AS refunded_orders,
    sum(refunded_pieces)::bigint AS refunded_pieces, sum(refunded_amount)::text AS refunded_amount";

impl Database {
    /// One page of days with sales, newest first, from after `after`; with the SKU of a filter, the
    /// days on which that product was sold or given back. And how far the read model was in the same
    /// moment, if that is to be judged.
    pub async fn sales_days(
        &self,
        filter: &Filter,
        after: Option<&DayKey>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<DaySales, DayKey>, Marks), Error> {
        let fetch = Page::<DaySales, DayKey>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Sales);
        let (rows, marks) = self.list(|| days(filter, after, fetch), judged).await?;
        let key = |last: &DaySales| DayKey { day: last.day, currency: last.sales.currency.clone() };
        Ok((Page::cut(rows, rows_max, key), marks))
    }

    /// One page of products with sales, by SKU, from after `after`; judged like days.
    pub async fn sales_products(
        &self,
        filter: &Filter,
        after: Option<&ProductKey>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<ProductSales, ProductKey>, Marks), Error> {
        let fetch = Page::<ProductSales, ProductKey>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Sales);
        let (rows, marks) = self.list(|| products(filter, after, fetch), judged).await?;
        let key = |last: &ProductSales| ProductKey {
            sku: last.sku.clone(),
            currency: last.sales.currency.clone(),
        };
        Ok((Page::cut(rows, rows_max, key), marks))
    }
}

fn days(filter: &Filter, after: Option<&DayKey>, fetch: i64) -> QueryBuilder<Postgres> {
    let table = if filter.sku.is_some() { "sales_by_product" } else { "sales_by_day" };
    let mut query = statement("day", table, filter);
    if let Some(after) = after {
        query.push(" AND (day, currency) < (").push_bind(after.day);
        query.push(", ").push_bind(after.currency.clone()).push(")");
    }
    query.push(" GROUP BY day, currency ORDER BY day DESC, currency DESC LIMIT ").push_bind(fetch);
    query
}

fn products(filter: &Filter, after: Option<&ProductKey>, fetch: i64) -> QueryBuilder<Postgres> {
    let mut query = statement("sku", "sales_by_product", filter);
    if let Some(after) = after {
        query.push(" AND (sku, currency) > (").push_bind(after.sku.clone());
        query.push(", ").push_bind(after.currency.clone()).push(")");
    }
    query.push(" GROUP BY sku, currency ORDER BY sku, currency LIMIT ").push_bind(fetch);
    query
}

/// Only conditions that were asked for stand in the statement, so that each combination is planned
/// on its own and finds its index.
fn statement(group: &str, table: &str, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("SELECT {group}, {SUMS} FROM {table} WHERE true"));
    if let Some(sku) = &filter.sku {
        query.push(" AND sku = ").push_bind(sku.clone());
    }
    if let Some(currency) = &filter.currency {
        query.push(" AND currency = ").push_bind(currency.clone());
    }
    if let Some(from) = filter.from {
        query.push(" AND day >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND day <= ").push_bind(to);
    }
    query
}

impl FromRow<'_, PgRow> for DaySales {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { day: row.try_get("day")?, sales: Sales::from_row(row)? })
    }
}

impl FromRow<'_, PgRow> for ProductSales {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { sku: row.try_get("sku")?, sales: Sales::from_row(row)? })
    }
}

impl FromRow<'_, PgRow> for Sales {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let amount = sum::column(row, "amount")?;
        let refunded = Refunded {
            orders: row.try_get("refunded_orders")?,
            pieces: row.try_get("refunded_pieces")?,
            amount: sum::column(row, "refunded_amount")?,
        };
        Ok(Self {
            currency: row.try_get("currency")?,
            orders: row.try_get("orders")?,
            pieces: row.try_get("pieces")?,
            amount,
            net_amount: amount - refunded.amount,
            refunded,
        })
    }
}
