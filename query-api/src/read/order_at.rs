//! An order as it was: its kept events folded up to a version or a time, by the fold with which the
//! projector makes the rows.

use chrono::{DateTime, Utc};
use readmodel::order::{self as fold, Happened, OrderRows};
use sqlx::{Postgres, QueryBuilder, types::Json};

use super::{
    Database, Error,
    money::Money,
    order::{Order, OrderLine, OrderOverview},
};

/// Up to where the events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The event that gave the order this version is the last one.
    Version(i64),
    /// Events up to this log time, inclusive.
    Time(DateTime<Utc>),
}

type Kept = (i64, String, DateTime<Utc>, i32, Json<serde_json::Value>);

impl Database {
    /// The order as it was; nothing when it did not exist yet, or has not come to that version.
    pub async fn order_at(&self, order_id: &str, until: Until) -> Result<Option<Order>, Error> {
        let (kept, _) = self.list::<Kept>(|| statement(order_id, until), None).await?;
        let rows = fold(kept).map_err(|why| Error::Unfoldable(format!("{order_id}: {why}")))?;
        let has_come = |rows: &OrderRows<()>| match until {
            Until::Version(version) => rows.order.version == version,
            Until::Time(_) => true,
        };
        Ok(rows.filter(has_come).map(Order::from))
    }
}

fn statement(order_id: &str, until: Until) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT version, type, at, partition, body FROM order_history WHERE order_id = ",
    );
    query.push_bind(order_id.to_owned());
    match until {
        Until::Version(version) => query.push(" AND version <= ").push_bind(version),
        Until::Time(time) => query.push(" AND at <= ").push_bind(time),
    };
    query.push(" ORDER BY version");
    query
}

fn fold(kept: Vec<Kept>) -> Result<Option<OrderRows<()>>, String> {
    let mut rows = None;
    for (version, name, at, partition, Json(body)) in kept {
        let event = fold::event(&name, body).map_err(|error| error.to_string())?;
        let happened = Happened { event: &event, at, version: Some(version), partition };
        fold::fold(&mut rows, &happened, ())
            .map_err(|unfit| format!("version {version}: {unfit}"))?;
    }
    Ok(rows)
}

impl From<OrderRows<()>> for Order {
    fn from(rows: OrderRows<()>) -> Self {
        let OrderRows { order, lines, .. } = rows;
        let money = |amount: Option<i64>| amount.map(|amount| Money::new(amount, &order.currency));
        Order {
            overview: OrderOverview {
                total: money(order.total_amount),
                refund_due: money(order.refund_due_amount),
                order_id: order.order_id,
                customer_id: order.customer_id,
                status: order.status,
                payment_deadline: order.payment_deadline,
                placed_at: order.placed_at,
                updated_at: order.updated_at,
                version: order.version,
                currency: order.currency,
            },
            lines: lines.into_iter().map(OrderLine::from).collect(),
        }
    }
}

impl From<fold::Line> for OrderLine {
    fn from(line: fold::Line) -> Self {
        let fold::Line { line, sku, quantity, unit_price_max, unit_price, refusal, available } =
            line;
        Self { line, sku, quantity, unit_price_max, unit_price, refusal, available }
    }
}
