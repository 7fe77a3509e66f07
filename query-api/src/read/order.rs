//! One order with its lines.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row, postgres::PgRow, types::Json};
use utoipa::ToSchema;

use super::{
    Database, Error,
    batch::{self, Batch},
    checkpoint::Projection,
    money::Money,
    stamp::{self, Stamp, Stamped},
    time,
};

/// An order without its lines, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderOverview {
    #[schema(example = "o-1")]
    pub order_id: String,
    /// Opaque id of the customer; null for guests.
    pub customer_id: Option<String>,
    /// ISO 4217 code of every amount of the order.
    #[schema(example = "EUR")]
    pub currency: String,
    /// `placed`, `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`.
    #[schema(example = "reserved")]
    pub status: String,
    /// Price of the reserved lines; null until the order is reserved.
    pub total: Option<Money>,
    /// Until when payment is awaited; null unless it is or was.
    #[serde(serialize_with = "time::optional::serialize")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub payment_deadline: Option<DateTime<Utc>>,
    /// What must be paid back after a cancellation.
    pub refund_due: Option<Money>,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub placed_at: DateTime<Utc>,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: DateTime<Utc>,
    /// Rises by one with every event of the order; the ETag.
    #[schema(example = 2)]
    pub version: i64,
}

/// An order with its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    #[serde(flatten)]
    pub overview: OrderOverview,
    /// Rising by line number.
    pub lines: Vec<OrderLine>,
}

/// One line of an order. What is not known, or does not apply, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// Number of the line, from 1.
    #[schema(example = 1)]
    pub line: i32,
    #[schema(example = "TSHIRT-M")]
    pub sku: String,
    /// Pieces.
    #[schema(example = 2)]
    pub quantity: i64,
    /// Highest price of a piece that the customer accepts, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price_max: Option<i64>,
    /// Price of a piece at which stock is held, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    /// Why no stock is held: `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Pieces that were available when stock was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

/// An order `o` with its lines.
macro_rules! with_lines {
    () => {
        "o.order_id, o.customer_id, o.currency, o.status, o.total_amount, o.payment_deadline,
         o.refund_due_amount, o.placed_at, o.updated_at, o.version, o.source_partition,
         COALESCE((
             SELECT json_agg(json_build_object(
                        'line', l.line, 'sku', l.sku, 'quantity', l.quantity,
                        'unit_price_max', l.unit_price_max, 'unit_price', l.unit_price,
                        'refusal', l.refusal, 'available', l.available) ORDER BY l.line)
             FROM order_lines l WHERE l.order_id = o.order_id), '[]'::json) AS lines"
    };
}
pub(super) use with_lines;

// One statement, hence one snapshot: an order is never shown with the lines of another version.
const BY_ID: &str = concat!(
    "SELECT ",
    stamp::columns!("orders"),
    ", ",
    with_lines!(),
    " FROM (SELECT) one LEFT JOIN orders o ON o.order_id = $1"
);

const BY_IDS: &str = concat!(
    "SELECT ",
    batch::columns!("orders"),
    ", ",
    with_lines!(),
    " FROM unnest($1::text[]) WITH ORDINALITY AS k(key, nth)
      LEFT JOIN orders o ON o.order_id = k.key"
);

impl Database {
    /// The order, unless no event of it has been projected.
    pub async fn order(&self, order_id: &str) -> Result<Option<Order>, Error> {
        Ok(self.order_stamped(order_id).await?.row)
    }

    /// The same with what it was read with.
    pub async fn order_stamped(&self, order_id: &str) -> Result<Stamped<Order>, Error> {
        self.read(|mut lease| async move {
            let row = sqlx::query(BY_ID).bind(order_id).fetch_one(&mut *lease).await;
            lease.end(row.and_then(|row| stamped(&row)))
        })
        .await
    }

    /// Orders by their ids, with one statement.
    pub async fn orders_by_id(&self, ids: &[&str]) -> Result<Batch<Order>, Error> {
        let rows = self.read(|mut lease| async move {
            let rows = sqlx::query(BY_IDS).bind(ids).fetch_all(&mut *lease).await;
            lease.end(rows)
        });
        let rows = rows.await?;
        Ok(Batch::of(&rows, Projection::Orders, "order_id")?)
    }
}

fn stamped(row: &PgRow) -> Result<Stamped<Order>, sqlx::Error> {
    let stamp = Stamp::of(row, Projection::Orders)?;
    let is_there = row.try_get::<Option<&str>, _>("order_id")?.is_some();
    let partition = row.try_get("source_partition")?;
    let row = is_there.then(|| Order::from_row(row)).transpose()?;
    Ok(Stamped { row, partition, stamp })
}

impl FromRow<'_, PgRow> for Order {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let Json(lines) = row.try_get("lines")?;
        Ok(Self { overview: OrderOverview::from_row(row)?, lines })
    }
}

impl FromRow<'_, PgRow> for OrderOverview {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let currency: String = row.try_get("currency")?;
        let money = |column| -> Result<Option<Money>, sqlx::Error> {
            let amount: Option<i64> = row.try_get(column)?;
            Ok(amount.map(|amount| Money::new(amount, &currency)))
        };
        Ok(Self {
            order_id: row.try_get("order_id")?,
            customer_id: row.try_get("customer_id")?,
            status: row.try_get("status")?,
            total: money("total_amount")?,
            payment_deadline: row.try_get("payment_deadline")?,
            refund_due: money("refund_due_amount")?,
            placed_at: row.try_get("placed_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
            currency,
        })
    }
}
