//! The tables `orders`, `order_lines` and `order_history`.
//!
//! The fold has checked that each version follows the stored one, under the lock of the checkpoint
//! row; the upserts need no guard of their own.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{Happening, Line, Order, OrderRows};

pub(super) async fn load(
    connection: &mut PgConnection,
    order_ids: &[&str],
) -> sqlx::Result<BTreeMap<String, OrderRows>> {
    let orders: Vec<Order> = sqlx::query(
        "SELECT order_id, customer_id, currency, status, total_amount, payment_deadline,
                refund_due_amount, placed_at, updated_at, version, source_partition
         FROM orders WHERE order_id = ANY($1)",
    )
    .bind(order_ids)
    .try_map(|row: PgRow| order(&row))
    .fetch_all(&mut *connection)
    .await?;
    let mut rows: BTreeMap<String, OrderRows> = orders
        .into_iter()
        .map(|order| (order.order_id.clone(), OrderRows::loaded(order)))
        .collect();
    if rows.is_empty() {
        return Ok(rows);
    }
    let lines = sqlx::query(
        "SELECT order_id, line, sku, quantity, unit_price_max, unit_price, refusal, available
         FROM order_lines WHERE order_id = ANY($1) ORDER BY order_id, line",
    )
    .bind(order_ids)
    .fetch_all(connection)
    .await?;
    for row in lines {
        if let Some(order) = rows.get_mut(row.try_get::<&str, _>("order_id")?) {
            order.lines.push(Line {
                line: row.try_get("line")?,
                sku: row.try_get("sku")?,
                quantity: row.try_get("quantity")?,
                unit_price_max: row.try_get("unit_price_max")?,
                unit_price: row.try_get("unit_price")?,
                refusal: row.try_get("refusal")?,
                available: row.try_get("available")?,
            });
        }
    }
    Ok(rows)
}

fn order(row: &PgRow) -> sqlx::Result<Order> {
    Ok(Order {
        order_id: row.try_get("order_id")?,
        customer_id: row.try_get("customer_id")?,
        currency: row.try_get("currency")?,
        status: row.try_get("status")?,
        total_amount: row.try_get("total_amount")?,
        payment_deadline: row.try_get("payment_deadline")?,
        refund_due_amount: row.try_get("refund_due_amount")?,
        placed_at: row.try_get("placed_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
        source_partition: row.try_get("source_partition")?,
    })
}

pub(super) async fn store(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
    store_orders(connection, rows).await?;
    store_lines(connection, rows).await?;
    store_history(connection, rows).await
}

async fn store_orders(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
    let orders: Vec<&Order> = rows.iter().map(|rows| &rows.order).collect();
    let column = orders.iter();
    sqlx::query(
        "INSERT INTO orders (order_id, customer_id, currency, status, total_amount,
             payment_deadline, refund_due_amount, placed_at, updated_at, version, source_partition)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
             $6::timestamptz[], $7::bigint[], $8::timestamptz[], $9::timestamptz[], $10::bigint[],
             $11::integer[])
         ON CONFLICT (order_id) DO UPDATE SET
             status = excluded.status, total_amount = excluded.total_amount,
             payment_deadline = excluded.payment_deadline,
             refund_due_amount = excluded.refund_due_amount, updated_at = excluded.updated_at,
             version = excluded.version",
    )
    .bind(column.clone().map(|o| o.order_id.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.customer_id.as_deref()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.currency.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.status.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.total_amount).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.payment_deadline).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.refund_due_amount).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.placed_at).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.updated_at).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.version).collect::<Vec<_>>())
    .bind(column.map(|o| o.source_partition).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn store_lines(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
    let lines: Vec<(&Order, &Line)> = rows
        .iter()
        .filter(|rows| rows.are_lines_changed)
        .flat_map(|rows| rows.lines.iter().map(|l| (&rows.order, l)))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let column = lines.iter();
    sqlx::query(
        "INSERT INTO order_lines (order_id, line, sku, quantity, unit_price_max, unit_price,
             refusal, available, placed_at)
         SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[],
             $6::bigint[], $7::text[], $8::bigint[], $9::timestamptz[])
         ON CONFLICT (order_id, line) DO UPDATE SET
             unit_price = excluded.unit_price, refusal = excluded.refusal,
             available = excluded.available",
    )
    .bind(column.clone().map(|(o, _)| o.order_id.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.line).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.sku.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.quantity).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.unit_price_max).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.unit_price).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.refusal.as_deref()).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, l)| l.available).collect::<Vec<_>>())
    .bind(column.map(|(o, _)| o.placed_at).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn store_history(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
    let happenings: Vec<(&str, &Happening)> = rows
        .iter()
        .flat_map(|rows| rows.happenings.iter().map(|h| (rows.order.order_id.as_str(), h)))
        .collect();
    let column = happenings.iter();
    sqlx::query(
        "INSERT INTO order_history (order_id, version, type, body, at, topic, partition,
             kafka_offset, link_sequence, command_id, origin)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::jsonb[],
             $5::timestamptz[], $6::text[], $7::integer[], $8::bigint[], $9::bigint[],
             $10::uuid[], $11::text[])",
    )
    .bind(column.clone().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.version).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.event).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| &h.body).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.at).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| &*h.source.partition.topic).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.source.partition.number).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.source.offset).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.source.link_sequence).collect::<Vec<_>>())
    .bind(column.clone().map(|(_, h)| h.command_id).collect::<Vec<_>>())
    .bind(column.map(|(_, h)| h.source.origin.map(|o| o.to_string())).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM order_history WHERE order_id = ANY($1)",
        "DELETE FROM order_lines WHERE order_id = ANY($1)",
        "DELETE FROM orders WHERE order_id = ANY($1)",
    ] {
        sqlx::query(statement).bind(order_ids).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn clear(connection: &mut PgConnection, partition: i32) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM order_history h USING orders o
         WHERE h.order_id = o.order_id AND o.source_partition = $1",
        "DELETE FROM order_lines l USING orders o
         WHERE l.order_id = o.order_id AND o.source_partition = $1",
        "DELETE FROM orders WHERE source_partition = $1",
    ] {
        sqlx::query(statement).bind(partition).execute(&mut *connection).await?;
    }
    Ok(())
}
