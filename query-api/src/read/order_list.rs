//! The list of orders, newest first.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, QueryBuilder, Row, postgres::PgRow};

use super::{
    Database, Error, Page,
    checkpoint::{Marks, Projection},
    order::{Order, OrderOverview, with_lines},
};

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
    /// orders of 1,000 lines each would be no page. And how far the read model was in the same
    /// moment, if that is to be judged.
    pub async fn orders(
        &self,
        filter: &Filter,
        after: Option<&Key>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<OrderOverview, Key>, Marks), Error> {
        let fetch = Page::<OrderOverview, Key>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Orders);
        let statement = || statement(OVERVIEW, filter, after, fetch);
        let (rows, marks) = self.list(statement, judged).await?;
        Ok((Page::cut(rows, rows_max, Key::of), marks))
    }

    /// The same with their lines, from the same statement: each order with those of its version.
    pub async fn orders_with_lines(
        &self,
        filter: &Filter,
        after: Option<&Key>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<Order, Key>, Marks), Error> {
        let fetch = Page::<Order, Key>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Orders);
        let statement = || statement(with_lines!(), filter, after, fetch);
        let (rows, marks) = self.list(statement, judged).await?;
        Ok((Page::cut(rows, rows_max, |last: &Order| Key::of(&last.overview)), marks))
    }

    /// The newest orders with a line of each product, at most `rows_max` of each, with one statement.
    pub async fn newest_orders_of(
        &self,
        skus: &[&str],
        rows_max: u16,
    ) -> Result<Vec<(String, OrderOverview)>, Error> {
        self.read(|mut lease| async move {
            let query = sqlx::query(NEWEST_OF_SKUS).bind(skus).bind(i64::from(rows_max));
            let query = query
                .try_map(|row: PgRow| Ok((row.try_get("wanted")?, OrderOverview::from_row(&row)?)));
            let rows = query.fetch_all(&mut *lease).await;
            lease.end(rows)
        })
        .await
    }
}

impl Key {
    /// Of an order.
    pub fn of(order: &OrderOverview) -> Self {
        Self { placed_at: order.placed_at, order_id: order.order_id.clone() }
    }
}

/// An order `o` without its lines.
const OVERVIEW: &str = "o.order_id, o.customer_id, o.currency, o.status, o.total_amount, \
    o.payment_deadline, o.refund_due_amount, o.placed_at, o.updated_at, o.version";

/// That a line `l` is the first with its product: an order may have several. (`DISTINCT` would sort
/// all lines of the product.)
macro_rules! first_of_product {
    () => {
        "NOT EXISTS (SELECT FROM order_lines e
             WHERE e.order_id = l.order_id AND e.sku = l.sku AND e.line < l.line)"
    };
}

const NEWEST_OF_SKUS: &str = concat!(
    "SELECT k.key AS wanted, o.*
    FROM unnest($1::text[]) AS k(key)
    CROSS JOIN LATERAL (
        SELECT o.order_id, o.customer_id, o.currency, o.status, o.total_amount,
               o.payment_deadline, o.refund_due_amount, o.placed_at, o.updated_at, o.version
        FROM order_lines l JOIN orders o ON o.order_id = l.order_id
        WHERE l.sku = k.key AND ",
    first_of_product!(),
    "   ORDER BY l.placed_at DESC, l.order_id DESC LIMIT $2) o
    ORDER BY o.placed_at DESC, o.order_id DESC"
);

/// Only conditions that were asked for stand in the statement, so that each combination is planned
/// on its own and finds its index.
fn statement(
    columns: &'static str,
    filter: &Filter,
    after: Option<&Key>,
    fetch: i64,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(columns);
    match &filter.sku {
        // A customer's orders are few, and a product's may be all there are.
        Some(sku) if filter.customer_id.is_none() => {
            of_product(&mut query, sku, filter, after, fetch);
        }
        _ => of_orders(&mut query, filter, after, fetch),
    }
    query
}

/// Walks the product's lines, newest first, however many orders came later.
fn of_product(
    query: &mut QueryBuilder<Postgres>,
    sku: &str,
    filter: &Filter,
    after: Option<&Key>,
    fetch: i64,
) {
    query.push(" FROM order_lines l JOIN orders o ON o.order_id = l.order_id WHERE l.sku = ");
    query.push_bind(sku.to_owned());
    query.push(concat!(" AND ", first_of_product!()));
    if let Some(status) = filter.status {
        query.push(" AND o.status = ").push_bind(status);
    }
    within(query, "l", filter, after);
    query.push(" ORDER BY l.placed_at DESC, l.order_id DESC LIMIT ").push_bind(fetch);
}

fn of_orders(query: &mut QueryBuilder<Postgres>, filter: &Filter, after: Option<&Key>, fetch: i64) {
    query.push(" FROM orders o WHERE true");
    if let Some(customer_id) = &filter.customer_id {
        query.push(" AND o.customer_id = ").push_bind(customer_id.clone());
    }
    if let Some(status) = filter.status {
        query.push(" AND o.status = ").push_bind(status);
    }
    if let Some(sku) = &filter.sku {
        query.push(
            " AND EXISTS (SELECT FROM order_lines l
                  WHERE l.order_id = o.order_id AND l.sku = ",
        );
        query.push_bind(sku.clone()).push(")");
    }
    within(query, "o", filter, after);
    query.push(" ORDER BY o.placed_at DESC, o.order_id DESC LIMIT ").push_bind(fetch);
}

/// The stretch of time, and what lies behind the page before.
fn within(query: &mut QueryBuilder<Postgres>, table: &str, filter: &Filter, after: Option<&Key>) {
    if let Some(from) = filter.placed_from {
        query.push(format!(" AND {table}.placed_at >= ")).push_bind(from);
    }
    if let Some(before) = filter.placed_before {
        query.push(format!(" AND {table}.placed_at < ")).push_bind(before);
    }
    if let Some(after) = after {
        query.push(format!(" AND ({table}.placed_at, {table}.order_id) < ("));
        query.push_bind(after.placed_at);
        query.push(", ").push_bind(after.order_id.clone()).push(")");
    }
}
