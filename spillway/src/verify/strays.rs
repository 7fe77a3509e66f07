//! Rows that no comparison of a partition meets: of partitions that do not exist, and parts of
//! orders that are not there.

use anyhow::Context as _;
use events::{Kind, command::Parameters};
use sqlx::PgConnection;

use super::report::Report;

/// Where strays may stand, and how they are found; `$1` and `$2` are the partition counts of orders
/// and products, `$3` and `$4` all kinds with theirs.
const SEARCHES: &[(&str, &str)] = &[
    ("orders", "SELECT order_id FROM orders WHERE source_partition NOT BETWEEN 0 AND $1 - 1"),
    ("products", "SELECT sku FROM products WHERE source_partition NOT BETWEEN 0 AND $2 - 1"),
    (
        "outcomes",
        "SELECT command_id::text FROM outcomes
             LEFT JOIN unnest($3::text[], $4::int[]) AS known(kind, shards) USING (kind)
         WHERE source_partition BETWEEN 0 AND shards - 1 IS NOT TRUE",
    ),
    (
        "customer_orders",
        "SELECT order_id FROM customer_orders WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "customers",
        "SELECT customer_id FROM customers WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "customer_spend",
        "SELECT customer_id FROM customer_spend WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "sale_orders",
        "SELECT order_id FROM sale_orders WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "sales_by_day",
        "SELECT day::text FROM sales_by_day WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "sales_by_product",
        "SELECT sku FROM sales_by_product WHERE source_partition NOT BETWEEN 0 AND $1 - 1",
    ),
    (
        "order_lines",
        "SELECT DISTINCT l.order_id FROM order_lines l
         WHERE NOT EXISTS (SELECT FROM orders o WHERE o.order_id = l.order_id)",
    ),
    (
        "order_history",
        "SELECT DISTINCT h.order_id FROM order_history h
         WHERE NOT EXISTS (SELECT FROM orders o WHERE o.order_id = h.order_id)",
    ),
];

/// Reports every stray.
pub(super) async fn find(
    connection: &mut PgConnection,
    parameters: &Parameters,
    report: &mut Report,
) -> anyhow::Result<()> {
    for (table, search) in SEARCHES {
        // All have a type even where a search uses only one of them.
        let search =
            format!("WITH counts AS (SELECT $1::int, $2::int, $3::text[], $4::int[]) {search}");
        let keys: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(search))
            .bind(parameters.orders_partitions)
            .bind(parameters.products_partitions)
            .bind(Kind::ALL.map(Kind::as_str))
            .bind(Kind::ALL.map(|kind| parameters.shards(kind)))
            .fetch_all(&mut *connection)
            .await
            .with_context(|| format!("{table} cannot be searched for strays"))?;
        for key in keys {
            let detail = "the row belongs to no partition or to no order";
            report.violation("row-unexpected", format!("{table} {key}"), detail);
        }
    }
    Ok(())
}
