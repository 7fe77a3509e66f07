//! The list of orders, newest first.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};

use super::{Database, Error, Page, order::OrderOverview};

/// The statuses an order can have.
pub const STATUSES: [&str; 7] =
    ["placed", "reserved", "rejected", "paid", "shipped", "cancelled", "expired"];

/// Which orders a list shows; absent means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub customer_id: Option<String>,
    /// One of [`STATUSES`].
    pub status: Option<&'static str>,
    /// Orders with a line of this product.
    pub sku: Option<String>,
    /// Orders placed at this time or later, by log time.
    pub placed_from: Option<DateTime<Utc>>,
    /// Orders placed before this time.
    pub placed_before: Option<DateTime<Utc>>,
}

/// Where an order stands in the list. The time alone is not unique, so the id decides between
/// orders of one millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub placed_at: DateTime<Utc>,
    pub order_id: String,
}

impl Database {
    /// One page of the orders that match, from after `after`, without their lines: a page of 200
    /// orders of 1,000 lines each would be no page.
    pub async fn orders(
        &self,
        filter: &Filter,
        after: Option<&Key>,
        rows_max: u16,
    ) -> Result<Page<OrderOverview, Key>, Error> {
        let mut query = statement(filter, after, Page::<OrderOverview, Key>::fetch(rows_max));
        let rows: Vec<OrderOverview> =
            self.read(query.build_query_as().fetch_all(self.pool())).await?;
        Ok(Page::cut(rows, rows_max, |last| Key {
            placed_at: last.placed_at,
            order_id: last.order_id.clone(),
        }))
    }
}

/// Only conditions that were asked for stand in the statement, so that each combination is planned
/// on its own and finds its index.
fn statement(filter: &Filter, after: Option<&Key>, fetch: i64) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT order_id, customer_id, currency, status, total_amount, payment_deadline,
                refund_due_amount, placed_at, updated_at, version
         FROM orders WHERE true",
    );
    if let Some(customer_id) = &filter.customer_id {
        query.push(" AND customer_id = ").push_bind(customer_id.clone());
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(sku) = &filter.sku {
        query.push(
            " AND EXISTS (SELECT FROM order_lines l
                  WHERE l.order_id = orders.order_id AND l.sku = ",
        );
        query.push_bind(sku.clone()).push(")");
    }
    if let Some(from) = filter.placed_from {
        query.push(" AND placed_at >= ").push_bind(from);
    }
    if let Some(before) = filter.placed_before {
        query.push(" AND placed_at < ").push_bind(before);
    }
    if let Some(after) = after {
        query.push(" AND (placed_at, order_id) < (").push_bind(after.placed_at);
        query.push(", ").push_bind(after.order_id.clone()).push(")");
    }
    query.push(" ORDER BY placed_at DESC, order_id DESC LIMIT ").push_bind(fetch);
    query
}
