//! An order as one would usually take it, in its best form: one statement, prepared once, that takes
//! the stock where there is enough and writes the order, flushed when it commits.
//!
//! The row of a product is locked from its update to the flush of its commit, which is what a hot
//! product waits for. The key of a request is the order's primary key, so that a repeat is refused. It
//! writes no events, no history and no read model, which Spillway does.

use axum::{
    Json, Router,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::post,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// More wait for each other's rows and flushes, fewer let flushes go out half empty.
const CONNECTIONS_MAX: u32 = 16;

const ORDER: &str = "
    WITH taken AS (
        UPDATE stock SET reserved = reserved + $3
        WHERE sku = $2 AND on_hand - reserved >= $3
        RETURNING price)
    INSERT INTO orders (order_id, sku, quantity, currency, total, status)
    SELECT $1, $2, $3, $4, price * $3, 'reserved' FROM taken
    RETURNING total";

/// The tables, in a schema of their own.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Tables {
    options: PgConnectOptions,
    schema: String,
}

/// One row of stock.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Stock {
    pub(in crate::bench) sku: String,
    pub(in crate::bench) on_hand: i64,
}

#[derive(Debug, Deserialize)]
struct Order {
    currency: String,
    lines: [Line; 1],
}

#[derive(Debug, Deserialize)]
struct Line {
    sku: String,
    quantity: i64,
}

impl Tables {
    /// Makes them, with this stock.
    ///
    /// # Errors
    /// PostgreSQL is not reached, or refuses.
    pub(in crate::bench) async fn make(
        url: &str,
        schema: &str,
        stock: &[Stock],
    ) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let settings = [("search_path", schema), ("synchronous_commit", "on")];
        let tables = Self { options: options.options(settings), schema: schema.to_owned() };
        let pool = tables.pool(1);
        for statement in [
            format!("CREATE SCHEMA {schema}"),
            "CREATE TABLE stock (
                sku text PRIMARY KEY, price bigint NOT NULL,
                on_hand bigint NOT NULL, reserved bigint NOT NULL,
                CHECK (reserved BETWEEN 0 AND on_hand))
             WITH (fillfactor = 50)"
                .to_owned(),
            "CREATE TABLE orders (
                order_id text PRIMARY KEY, sku text NOT NULL, quantity bigint NOT NULL,
                currency text NOT NULL, total bigint NOT NULL, status text NOT NULL,
                placed_at timestamptz NOT NULL DEFAULT now())"
                .to_owned(),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&pool).await?;
        }
        let skus: Vec<&str> = stock.iter().map(|row| &*row.sku).collect();
        let on_hand: Vec<i64> = stock.iter().map(|row| row.on_hand).collect();
        let fill = "INSERT INTO stock SELECT sku, 250, on_hand, 0 FROM unnest($1::text[], \
                    $2::bigint[]) AS rows (sku, on_hand)";
        sqlx::query(fill).bind(skus).bind(on_hand).execute(&pool).await?;
        pool.close().await;
        Ok(tables)
    }

    /// Takes orders.
    pub(in crate::bench) fn router(&self) -> Router {
        Router::new().route("/v1/orders", post(place)).with_state(self.pool(CONNECTIONS_MAX))
    }

    /// Version, and whether a commit is flushed, as this PostgreSQL says it.
    ///
    /// # Errors
    /// It is not reached.
    pub(in crate::bench) async fn says(&self) -> anyhow::Result<[(&'static str, String); 3]> {
        let pool = self.pool(1);
        let say = "SELECT current_setting('server_version'), current_setting('fsync'),
                   current_setting('synchronous_commit')";
        let (version, fsync, commit) = sqlx::query_as(say).fetch_one(&pool).await?;
        pool.close().await;
        Ok([
            ("postgres", version),
            ("postgres_fsync", fsync),
            ("postgres_synchronous_commit", commit),
        ])
    }

    /// # Errors
    /// PostgreSQL is not reached.
    pub(in crate::bench) async fn drop(&self) -> anyhow::Result<()> {
        let pool = self.pool(1);
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        sqlx::query(AssertSqlSafe(drop)).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }

    fn pool(&self, connections_max: u32) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(connections_max);
        // A ping before every use would be a second round trip.
        pool.test_before_acquire(false).connect_lazy_with(self.options.clone())
    }
}

async fn place(State(pool): State<PgPool>, headers: HeaderMap, order: Json<Order>) -> Response {
    let Json(Order { currency, lines: [Line { sku, quantity }] }) = order;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let Some(order_id) = key else { return StatusCode::BAD_REQUEST.into_response() };
    let placed = sqlx::query_scalar::<_, i64>(ORDER)
        .bind(order_id)
        .bind(&sku)
        .bind(quantity)
        .bind(&currency)
        .fetch_optional(&pool)
        .await;
    match placed {
        Ok(Some(total)) => {
            let total = json!({"amount": total, "currency": currency});
            let order = json!({"order_id": order_id, "status": "reserved", "total": total});
            (StatusCode::CREATED, Json(order)).into_response()
        }
        Ok(None) => {
            let refused = json!({"type": "/problems/out-of-stock", "sku": sku});
            (StatusCode::CONFLICT, Json(refused)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
