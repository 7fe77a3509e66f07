//! Rows as the projector writes them.

use chrono::{DateTime, Utc};
use events::{Kind, Position, ShardId, position::Mark};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Log time for tests: milliseconds after a fixed instant.
pub(crate) fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_795_770_000_000 + ms).unwrap()
}

pub(crate) fn position(kind: Kind, partition: i32, link_sequence: i64) -> Position {
    Position::new(ShardId::new(kind, partition), Mark { incarnation: 0, link_sequence })
}

/// An order that is waiting for payment.
pub(crate) async fn order(
    pool: &PgPool,
    order_id: &str,
    customer_id: Option<&str>,
    placed_ms: i64,
) {
    sqlx::query(
        "INSERT INTO orders (order_id, customer_id, currency, status, total_amount,
            payment_deadline, placed_at, updated_at, version, source_partition)
         VALUES ($1, $2, 'EUR', 'reserved', 2500, $3, $4, $4, 2, 0)",
    )
    .bind(order_id)
    .bind(customer_id)
    .bind(at(placed_ms + 900_000))
    .bind(at(placed_ms))
    .execute(pool)
    .await
    .unwrap();
}

pub(crate) async fn line(
    pool: &PgPool,
    order_id: &str,
    line: i32,
    sku: &str,
    unit_price: Option<i64>,
) {
    sqlx::query(
        "INSERT INTO order_lines (order_id, line, sku, quantity, unit_price_max, unit_price)
         VALUES ($1, $2, $3, 2, NULL, $4)",
    )
    .bind(order_id)
    .bind(line)
    .bind(sku)
    .bind(unit_price)
    .execute(pool)
    .await
    .unwrap();
}

pub(crate) async fn history(pool: &PgPool, order_id: &str, version: i64, event: &str, body: Value) {
    sqlx::query(
        "INSERT INTO order_history (order_id, version, type, body, at, topic, partition,
            kafka_offset, link_sequence, command_id)
         VALUES ($1, $2, $3, $4, $5, 'orders.events.v1', 3, $6, $7, NULL)",
    )
    .bind(order_id)
    .bind(version)
    .bind(event)
    .bind(body)
    .bind(at(version))
    .bind(version + 100)
    .bind(version + 10)
    .execute(pool)
    .await
    .unwrap();
}

pub(crate) async fn product(pool: &PgPool, sku: &str, on_hand: i64, reserved: i64) {
    sqlx::query(
        "INSERT INTO products (sku, name, price_amount, currency, on_hand, reserved,
            registered_at, updated_at, version, source_partition)
         VALUES ($1, 'T-shirt', 1250, 'EUR', $2, $3, $4, $4, 5, 0)",
    )
    .bind(sku)
    .bind(on_hand)
    .bind(reserved)
    .bind(at(0))
    .execute(pool)
    .await
    .unwrap();
}

/// An outcome; a refused one when there is a refusal of more than single lines.
pub(crate) async fn outcome(
    pool: &PgPool,
    command_id: Uuid,
    refusal: Option<Value>,
    position: &[Position],
) {
    let is_done = refusal.as_ref().is_none_or(|refusal| refusal["code"] == "partly-reserved");
    let order = serde_json::json!({
        "status": "reserved", "total": {"amount": 2500, "currency": "EUR"},
        "payment_deadline": at(900_000).timestamp_millis(), "refund_due": null,
    });
    sqlx::query(
        "INSERT INTO outcomes (command_id, kind, key, command, caller, status, version, refusal,
            order_summary, position, decided_at, source_partition)
         VALUES ($1, 'orders', 'o 1', 'PlaceOrder', 'anonymous', $2, 2, $3, $4, $5, $6, 0)",
    )
    .bind(command_id)
    .bind(if is_done { "done" } else { "refused" })
    .bind(refusal)
    .bind(order)
    .bind(serde_json::to_value(position).unwrap())
    .bind(at(0))
    .execute(pool)
    .await
    .unwrap();
}

/// Moves a checkpoint, and says so as the projector does if it shall.
pub(crate) async fn checkpoint(
    pool: &PgPool,
    projection: &str,
    topic: &str,
    at: &Position,
    notify: bool,
) {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO checkpoints (projection, generation, topic, partition, incarnation,
            link_sequence, chain, kafka_offset)
         VALUES ($1, 1, $2, $3, $4, $5, '', 0)
         ON CONFLICT (projection, generation, topic, partition)
         DO UPDATE SET incarnation = $4, link_sequence = $5",
    )
    .bind(projection)
    .bind(topic)
    .bind(at.partition)
    .bind(at.incarnation)
    .bind(at.link_sequence)
    .execute(&mut *transaction)
    .await
    .unwrap();
    if notify {
        sqlx::query("SELECT pg_notify('checkpoints', $1)")
            .bind(projection)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}

/// A key whose events wait from this position on.
pub(crate) async fn parked(
    pool: &PgPool,
    projection: &str,
    topic: &str,
    key: &str,
    head: &Position,
) {
    sqlx::query(
        "INSERT INTO parked_keys (projection, generation, topic, partition, key, kafka_offset,
            incarnation, link_sequence)
         VALUES ($1, 1, $2, $3, $4, 0, $5, $6)",
    )
    .bind(projection)
    .bind(topic)
    .bind(head.partition)
    .bind(key.as_bytes())
    .bind(head.incarnation)
    .bind(head.link_sequence)
    .execute(pool)
    .await
    .unwrap();
}
