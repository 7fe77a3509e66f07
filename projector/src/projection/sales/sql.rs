//! The tables `sale_orders`, `sales_by_day` and `sales_by_product`.
//!
//! Rows of sums are changed by one partition only, under the lock of its checkpoint.

use std::collections::BTreeMap;

use sqlx::{
    PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
    types::Json,
};

use super::{
    Days, Sale,
    sums::{Sum, Sums},
};

pub(super) async fn load(
    connection: &mut PgConnection,
    order_ids: &[&str],
) -> sqlx::Result<BTreeMap<String, Sale>> {
    let sales: Vec<Sale> = sqlx::query(
        "SELECT order_id, currency, total_amount, products, paid_on, refunded_on, version,
                source_partition
         FROM sale_orders WHERE order_id = ANY($1)",
    )
    .bind(order_ids)
    .try_map(|row: PgRow| sale(&row))
    .fetch_all(connection)
    .await?;
    Ok(sales.into_iter().map(|sale| (sale.order_id.clone(), sale)).collect())
}

fn sale(row: &PgRow) -> sqlx::Result<Sale> {
    let Json(products) = row.try_get("products")?;
    let days = Days { paid_on: row.try_get("paid_on")?, refunded_on: row.try_get("refunded_on")? };
    Ok(Sale {
        order_id: row.try_get("order_id")?,
        currency: row.try_get("currency")?,
        total_amount: row.try_get("total_amount")?,
        products,
        days,
        version: row.try_get("version")?,
        source_partition: row.try_get("source_partition")?,
        counted: days,
    })
}

pub(super) async fn store(connection: &mut PgConnection, sales: &[&Sale]) -> sqlx::Result<()> {
    let column = sales.iter();
    sqlx::query(
        "INSERT INTO sale_orders (order_id, currency, total_amount, products, paid_on, refunded_on,
             version, source_partition)
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::date[],
             $6::date[], $7::bigint[], $8::integer[])
         ON CONFLICT (order_id) DO UPDATE SET
             paid_on = excluded.paid_on, refunded_on = excluded.refunded_on,
             version = excluded.version",
    )
    .bind(column.clone().map(|s| s.order_id.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|s| s.currency.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|s| s.total_amount).collect::<Vec<_>>())
    .bind(column.clone().map(|s| Json(&s.products)).collect::<Vec<_>>())
    .bind(column.clone().map(|s| s.days.paid_on).collect::<Vec<_>>())
    .bind(column.clone().map(|s| s.days.refunded_on).collect::<Vec<_>>())
    .bind(column.clone().map(|s| s.version).collect::<Vec<_>>())
    .bind(column.map(|s| s.source_partition).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    add(connection, &Sums::changes(sales.iter().copied())).await
}

async fn add(connection: &mut PgConnection, sums: &Sums<'_>) -> sqlx::Result<()> {
    // Both are empty at once, unless an order holds no product at all.
    if sums.days.is_empty() {
        return Ok(());
    }
    let days = sums.days.iter();
    let query = sqlx::query(
        "INSERT INTO sales_by_day AS s (day, currency, source_partition, orders, pieces, amount,
             refunded_orders, refunded_pieces, refunded_amount)
         SELECT day, currency, source_partition, orders, pieces::bigint, amount::numeric,
                refunded_orders, refunded_pieces::bigint, refunded_amount::numeric
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
             $7::date[], $8::text[], $9::integer[])
             AS given(orders, pieces, amount, refunded_orders, refunded_pieces, refunded_amount,
                 day, currency, source_partition)
         ON CONFLICT (day, currency, source_partition) DO UPDATE SET
             orders = s.orders + excluded.orders, pieces = s.pieces + excluded.pieces,
             amount = s.amount + excluded.amount,
             refunded_orders = s.refunded_orders + excluded.refunded_orders,
             refunded_pieces = s.refunded_pieces + excluded.refunded_pieces,
             refunded_amount = s.refunded_amount + excluded.refunded_amount",
    );
    bind_sums(query, sums.days.values())
        .bind(days.clone().map(|((day, ..), _)| *day).collect::<Vec<_>>())
        .bind(days.clone().map(|((_, currency, _), _)| *currency).collect::<Vec<_>>())
        .bind(days.map(|((.., partition), _)| *partition).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let products = sums.products.iter();
    let query = sqlx::query(
        "INSERT INTO sales_by_product AS s (sku, day, currency, source_partition, orders, pieces,
             amount, refunded_orders, refunded_pieces, refunded_amount)
         SELECT sku, day, currency, source_partition, orders, pieces::bigint,
                amount::numeric, refunded_orders, refunded_pieces::bigint, refunded_amount::numeric
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
             $7::text[], $8::date[], $9::text[], $10::integer[])
             AS given(orders, pieces, amount, refunded_orders, refunded_pieces, refunded_amount,
                 sku, day, currency, source_partition)
         ON CONFLICT (sku, day, currency, source_partition) DO UPDATE SET
             orders = s.orders + excluded.orders, pieces = s.pieces + excluded.pieces,
             amount = s.amount + excluded.amount,
             refunded_orders = s.refunded_orders + excluded.refunded_orders,
             refunded_pieces = s.refunded_pieces + excluded.refunded_pieces,
             refunded_amount = s.refunded_amount + excluded.refunded_amount",
    );
    bind_sums(query, sums.products.values())
        .bind(products.clone().map(|((sku, ..), _)| *sku).collect::<Vec<_>>())
        .bind(products.clone().map(|((_, day, ..), _)| *day).collect::<Vec<_>>())
        .bind(products.clone().map(|((_, _, currency, _), _)| *currency).collect::<Vec<_>>())
        .bind(products.map(|((.., partition), _)| *partition).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Binds the columns of sums as the first six arguments.
fn bind_sums<'q, 's>(
    query: Query<'q, Postgres, PgArguments>,
    sums: impl Iterator<Item = &'s Sum> + Clone,
) -> Query<'q, Postgres, PgArguments> {
    query
        .bind(sums.clone().map(|sum| sum.sold.orders).collect::<Vec<_>>())
        .bind(sums.clone().map(|sum| sum.sold.pieces.to_string()).collect::<Vec<_>>())
        .bind(sums.clone().map(|sum| sum.sold.amount.to_string()).collect::<Vec<_>>())
        .bind(sums.clone().map(|sum| sum.refunded.orders).collect::<Vec<_>>())
        .bind(sums.clone().map(|sum| sum.refunded.pieces.to_string()).collect::<Vec<_>>())
        .bind(sums.map(|sum| sum.refunded.amount.to_string()).collect::<Vec<_>>())
}

/// Deletes orders with what they count for. A sum of nothing has no row, as if there had never been
/// an order.
pub(super) async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
    let sales = load(connection, order_ids).await?;
    let skus: Vec<&str> =
        sales.values().flat_map(|sale| sale.products.keys().map(String::as_str)).collect();
    add(connection, &Sums::without(sales.values())).await?;
    sqlx::query("DELETE FROM sale_orders WHERE order_id = ANY($1)")
        .bind(order_ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sales_by_day WHERE (orders, refunded_orders) = (0, 0)")
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM sales_by_product
         WHERE sku = ANY($1) AND (orders, refunded_orders) = (0, 0)",
    )
    .bind(skus)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn clear(connection: &mut PgConnection, partition: i32) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM sales_by_product WHERE source_partition = $1",
        "DELETE FROM sales_by_day WHERE source_partition = $1",
        "DELETE FROM sale_orders WHERE source_partition = $1",
    ] {
        sqlx::query(statement).bind(partition).execute(&mut *connection).await?;
    }
    Ok(())
}
