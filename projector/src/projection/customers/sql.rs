//! The tables `customer_orders`, `customers` and `customer_spend`.
//!
//! Rows of sums are changed by one partition only, under the lock of its checkpoint.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    CustomerOrder, Share,
    sums::{Counts, STATUSES, Status, Sums},
};

pub(super) async fn load(
    connection: &mut PgConnection,
    order_ids: &[&str],
) -> sqlx::Result<BTreeMap<String, CustomerOrder>> {
    let orders: Vec<CustomerOrder> = sqlx::query(
        "SELECT order_id, customer_id, currency, status, paid_amount, refund_due_amount, version,
                source_partition
         FROM customer_orders WHERE order_id = ANY($1)",
    )
    .bind(order_ids)
    .try_map(|row: PgRow| order(&row))
    .fetch_all(connection)
    .await?;
    Ok(orders.into_iter().map(|order| (order.order_id.clone(), order)).collect())
}

fn order(row: &PgRow) -> sqlx::Result<CustomerOrder> {
    let status: &str = row.try_get("status")?;
    let unknown = || sqlx::Error::Decode(format!("{status:?} is no status of an order").into());
    let share = Share {
        status: Status::of(status).ok_or_else(unknown)?,
        paid_amount: row.try_get("paid_amount")?,
        refund_due_amount: row.try_get("refund_due_amount")?,
    };
    Ok(CustomerOrder {
        order_id: row.try_get("order_id")?,
        customer_id: row.try_get("customer_id")?,
        currency: row.try_get("currency")?,
        share,
        version: row.try_get("version")?,
        source_partition: row.try_get("source_partition")?,
        counted: Some(share),
    })
}

pub(super) async fn store(
    connection: &mut PgConnection,
    orders: &[&CustomerOrder],
) -> sqlx::Result<()> {
    let column = orders.iter();
    sqlx::query(
        "INSERT INTO customer_orders (order_id, customer_id, currency, status, paid_amount,
             refund_due_amount, version, source_partition)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
             $6::bigint[], $7::bigint[], $8::integer[])
         ON CONFLICT (order_id) DO UPDATE SET
             status = excluded.status, paid_amount = excluded.paid_amount,
             refund_due_amount = excluded.refund_due_amount, version = excluded.version",
    )
    .bind(column.clone().map(|o| o.order_id.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.customer_id.as_deref()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.currency.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.share.status.as_str()).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.share.paid_amount).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.share.refund_due_amount).collect::<Vec<_>>())
    .bind(column.clone().map(|o| o.version).collect::<Vec<_>>())
    .bind(column.map(|o| o.source_partition).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    add(connection, &Sums::changes(orders.iter().copied())).await
}

async fn add(connection: &mut PgConnection, sums: &Sums<'_>) -> sqlx::Result<()> {
    add_counts(connection, sums).await?;
    add_spend(connection, sums).await
}

async fn add_counts(connection: &mut PgConnection, sums: &Sums<'_>) -> sqlx::Result<()> {
    let all = sums.counts.iter();
    let count = |status: Status| -> Vec<i64> {
        all.clone().map(|(_, counts): (_, &Counts)| counts[status as usize]).collect()
    };
    let mut query = sqlx::query(
        "INSERT INTO customers AS c (customer_id, source_partition, placed, reserved, rejected,
             paid, shipped, cancelled, expired)
         SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[],
             $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
         ON CONFLICT (customer_id, source_partition) DO UPDATE SET
             placed = c.placed + excluded.placed, reserved = c.reserved + excluded.reserved,
             rejected = c.rejected + excluded.rejected, paid = c.paid + excluded.paid,
             shipped = c.shipped + excluded.shipped,
             cancelled = c.cancelled + excluded.cancelled,
             expired = c.expired + excluded.expired",
    )
    .bind(all.clone().map(|((id, _), _)| *id).collect::<Vec<_>>())
    .bind(all.clone().map(|((_, partition), _)| *partition).collect::<Vec<_>>());
    for status in STATUSES {
        query = query.bind(count(status));
    }
    query.execute(connection).await?;
    Ok(())
}

async fn add_spend(connection: &mut PgConnection, sums: &Sums<'_>) -> sqlx::Result<()> {
    if sums.spend.is_empty() {
        return Ok(());
    }
    let all = sums.spend.iter();
    sqlx::query(
        "INSERT INTO customer_spend AS s (customer_id, currency, source_partition, paid, refund_due)
         SELECT customer_id, currency, source_partition, paid::numeric, refund_due::numeric
         FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[])
             AS given(customer_id, currency, source_partition, paid, refund_due)
         ON CONFLICT (customer_id, currency, source_partition) DO UPDATE SET
             paid = s.paid + excluded.paid, refund_due = s.refund_due + excluded.refund_due",
    )
    .bind(all.clone().map(|((id, ..), _)| *id).collect::<Vec<_>>())
    .bind(all.clone().map(|((_, currency, _), _)| *currency).collect::<Vec<_>>())
    .bind(all.clone().map(|((.., partition), _)| *partition).collect::<Vec<_>>())
    .bind(all.clone().map(|(_, spend)| spend.paid.to_string()).collect::<Vec<_>>())
    .bind(all.map(|(_, spend)| spend.refund_due.to_string()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes orders with what they count for. A sum of nothing has no row, as if there had never been
/// an order.
pub(super) async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
    let orders = load(connection, order_ids).await?;
    let customer_ids: Vec<&str> =
        orders.values().filter_map(|order| order.customer_id.as_deref()).collect();
    add(connection, &Sums::without(orders.values())).await?;
    sqlx::query("DELETE FROM customer_orders WHERE order_id = ANY($1)")
        .bind(order_ids)
        .execute(&mut *connection)
        .await?;
    for statement in [
        "DELETE FROM customers WHERE customer_id = ANY($1)
             AND (placed, reserved, rejected, paid, shipped, cancelled, expired)
                 = (0, 0, 0, 0, 0, 0, 0)",
        "DELETE FROM customer_spend WHERE customer_id = ANY($1) AND (paid, refund_due) = (0, 0)",
    ] {
        sqlx::query(statement).bind(&customer_ids).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn clear(connection: &mut PgConnection, partition: i32) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM customer_spend WHERE source_partition = $1",
        "DELETE FROM customers WHERE source_partition = $1",
        "DELETE FROM customer_orders WHERE source_partition = $1",
    ] {
        sqlx::query(statement).bind(partition).execute(&mut *connection).await?;
    }
    Ok(())
}
