//! Compares the rows of `customers` and `sales` with the fold of their events, and their sums with
//! what the orders add up to.
//!
//! What waits behind a dead letter counts as its order's row says: the fold has gone further.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::{
    compare::Held,
    fold::FoldedOrder,
    report::Report,
    rows::{Rows, differences},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
struct CustomerOrderRow {
    order_id: String,
    customer_id: Option<String>,
    currency: String,
    status: String,
    paid_amount: i64,
    refund_due_amount: i64,
    version: i64,
}

/// Orders by status, in words: how many there are of each.
#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
struct CustomerRow {
    customer_id: String,
    counts: Value,
}

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
struct SpendRow {
    customer_id: String,
    currency: String,
    paid: String,
    refund_due: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
struct SaleOrderRow {
    order_id: String,
    currency: String,
    total_amount: i64,
    products: Value,
    paid_on: Option<NaiveDate>,
    refunded_on: Option<NaiveDate>,
    version: i64,
}

/// A row of `sales_by_day`, or of `sales_by_product`.
#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
struct SumRow {
    /// Empty in sums of days.
    sku: String,
    day: NaiveDate,
    currency: String,
    /// Orders, pieces, minor units; and the same of refunds.
    sums: Value,
}

/// SKU, day and currency of a sum.
type SumKey = (String, NaiveDate, String);
/// Orders, pieces and minor units sold, and the same refunded.
type Sums = [i128; 6];

impl Rows {
    pub(super) async fn compare_customers(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let found: Vec<CustomerOrderRow> = sqlx::query_as(
            "SELECT order_id, customer_id, currency, status, paid_amount, refund_due_amount, version
               FROM customer_orders WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let orders = held.fold.projected("customers").orders.iter();
        let expected: Vec<CustomerOrderRow> = orders
            .filter(|(key, _)| !parked.contains(*key))
            .map(|(_, folded)| customer_order(folded))
            .collect();
        let waiting = found.iter().filter(|row| parked.contains(&row.order_id)).cloned();
        let counted: Vec<CustomerOrderRow> = expected.iter().cloned().chain(waiting).collect();
        let id = |row: &CustomerOrderRow| row.order_id.clone();
        differences("customer_orders", expected.into_iter(), found, id, parked, report);

        let found: Vec<CustomerRow> = sqlx::query_as(
            "SELECT customer_id, json_build_object('placed', placed, 'reserved', reserved,
                        'rejected', rejected, 'paid', paid, 'shipped', shipped,
                        'cancelled', cancelled, 'expired', expired) AS counts
               FROM customers WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let (none, id) = (BTreeSet::new(), |row: &CustomerRow| row.customer_id.clone());
        differences("customers", counts(&counted).into_iter(), found, id, &none, report);
        let found: Vec<SpendRow> = sqlx::query_as(
            "SELECT customer_id, currency, paid::text AS paid, refund_due::text AS refund_due
               FROM customer_spend WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let key = |row: &SpendRow| format!("{} {}", row.customer_id, row.currency);
        differences("customer_spend", spend(&counted).into_iter(), found, key, &none, report);
        Ok(())
    }

    pub(super) async fn compare_sales(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let found: Vec<SaleOrderRow> = sqlx::query_as(
            "SELECT order_id, currency, total_amount, products, paid_on, refunded_on, version
               FROM sale_orders WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let orders = held.fold.projected("sales").orders.iter();
        let expected: Vec<SaleOrderRow> = orders
            .filter(|(key, _)| !parked.contains(*key))
            .filter_map(|(_, folded)| sale_order(folded))
            .collect();
        let waiting = found.iter().filter(|row| parked.contains(&row.order_id)).cloned();
        let counted: Vec<SaleOrderRow> = expected.iter().cloned().chain(waiting).collect();
        let id = |row: &SaleOrderRow| row.order_id.clone();
        differences("sale_orders", expected.into_iter(), found, id, parked, report);

        let (days, products) = sales(&counted);
        let tables = [("sales_by_day", "''", days), ("sales_by_product", "sku", products)];
        for (table, sku, expected) in tables {
            let found: Vec<SumRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
                "SELECT {sku} AS sku, day, currency, json_build_array(orders::text, pieces::text,
                            amount::text, refunded_orders::text, refunded_pieces::text,
                            refunded_amount::text) AS sums
                   FROM {table} WHERE source_partition = $1"
            )))
            .bind(partition)
            .fetch_all(&mut *self.moment)
            .await?;
            let key = |row: &SumRow| {
                format!("{} {} {}", row.sku, row.day, row.currency).trim_start().to_owned()
            };
            let expected = expected.into_iter().map(sum_row);
            differences(table, expected, found, key, &BTreeSet::new(), report);
        }
        Ok(())
    }
}

fn customer_order(folded: &FoldedOrder) -> CustomerOrderRow {
    CustomerOrderRow {
        order_id: folded.order.id().to_owned(),
        customer_id: folded.customer_id.clone(),
        currency: folded.currency.clone(),
        status: folded.order.status().as_str().to_owned(),
        paid_amount: folded.trade.paid_amount,
        refund_due_amount: folded.trade.refund_due_amount,
        version: folded.order.version,
    }
}

fn counts(orders: &[CustomerOrderRow]) -> Vec<CustomerRow> {
    let none = json!({
        "placed": 0, "reserved": 0, "rejected": 0, "paid": 0, "shipped": 0, "cancelled": 0,
        "expired": 0,
    });
    let mut counts: BTreeMap<&str, Value> = BTreeMap::new();
    for order in orders {
        if let Some(customer_id) = &order.customer_id {
            let count =
                &mut counts.entry(customer_id).or_insert_with(|| none.clone())[&order.status];
            *count = json!(count.as_i64().unwrap_or(0) + 1);
        }
    }
    let row = |(id, counts): (&str, Value)| CustomerRow { customer_id: id.to_owned(), counts };
    counts.into_iter().map(row).collect()
}

fn spend(orders: &[CustomerOrderRow]) -> Vec<SpendRow> {
    let mut spend: BTreeMap<(&str, &str), (i128, i128)> = BTreeMap::new();
    for order in orders {
        if let Some(customer_id) = &order.customer_id {
            let (paid, refund_due) = spend.entry((customer_id, &order.currency)).or_default();
            *paid += i128::from(order.paid_amount);
            *refund_due += i128::from(order.refund_due_amount);
        }
    }
    spend.retain(|_, amounts| *amounts != (0, 0));
    let row = |((customer_id, currency), (paid, refund_due)): ((&str, &str), (i128, i128))| {
        let (customer_id, currency) = (customer_id.to_owned(), currency.to_owned());
        SpendRow {
            customer_id,
            currency,
            paid: paid.to_string(),
            refund_due: refund_due.to_string(),
        }
    };
    spend.into_iter().map(row).collect()
}

/// Nothing for an order that was never reserved.
fn sale_order(folded: &FoldedOrder) -> Option<SaleOrderRow> {
    let trade = &folded.trade;
    let mut products: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for line in &trade.lines {
        let (pieces, amount) = products.entry(&line.sku).or_default();
        *pieces = pieces.saturating_add(line.quantity);
        *amount = amount.saturating_add(line.quantity.saturating_mul(line.unit_price));
    }
    let sold = |(pieces, amount): (i64, i64)| json!({"pieces": pieces, "amount": amount});
    Some(SaleOrderRow {
        order_id: folded.order.id().to_owned(),
        currency: folded.currency.clone(),
        total_amount: trade.total_amount?,
        products: products.into_iter().map(|(sku, both)| (sku.to_owned(), sold(both))).collect(),
        paid_on: trade.paid_on,
        refunded_on: trade.refunded_on,
        version: trade.version,
    })
}

/// Sums by day, and by product and day.
fn sales(orders: &[SaleOrderRow]) -> (BTreeMap<SumKey, Sums>, BTreeMap<SumKey, Sums>) {
    let (mut days, mut products) = (BTreeMap::new(), BTreeMap::new());
    for order in orders {
        // Where the columns of sales begin, and those of refunds.
        let counted = [(order.paid_on, 0), (order.refunded_on, 3)];
        for (day, first) in counted.into_iter().filter_map(|(day, first)| Some((day?, first))) {
            let mut all_pieces = 0;
            for (sku, sold) in order.products.as_object().into_iter().flatten() {
                let number = |name: &str| i128::from(sold[name].as_i64().unwrap_or(0));
                let (pieces, amount) = (number("pieces"), number("amount"));
                all_pieces += pieces;
                let key = (sku.clone(), day, order.currency.clone());
                add(products.entry(key).or_default(), first, [1, pieces, amount]);
            }
            let key = (String::new(), day, order.currency.clone());
            let whole = [1, all_pieces, i128::from(order.total_amount)];
            add(days.entry(key).or_default(), first, whole);
        }
    }
    (days, products)
}

fn add(sums: &mut Sums, first: usize, part: [i128; 3]) {
    for (sum, more) in sums.iter_mut().skip(first).zip(part) {
        *sum += more;
    }
}

fn sum_row(((sku, day, currency), sums): (SumKey, Sums)) -> SumRow {
    SumRow { sku, day, currency, sums: sums.map(|sum| sum.to_string()).as_slice().into() }
}
