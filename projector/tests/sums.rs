//! Sums over orders on a real PostgreSQL: what events make, whatever the batches, and what is left
//! when orders go.

mod support;

use events::{Event, Kind, ShardId};
use projector::projection::{Projection, customers::Customers, sales::Sales};
use serde_json::{Value, json};
use sqlx::PgPool;
use support::{
    database::Database,
    history,
    shard::{Output, rows},
    source::Source,
};

/// Three orders on each of the seven ways.
const ORDERS: usize = 21;
const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

/// All rows of a read model's tables.
async fn dump<P: Projection>(pool: &PgPool) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for table in P::TABLES {
        let statement =
            format!("SELECT coalesce(json_agg(x ORDER BY x::text), '[]') FROM {} AS x", table.name);
        let rows: Value =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(pool).await.expect("rows");
        all.push((table.name, rows));
    }
    all
}

/// Stores the orders in one go, as a rebuild of a key does.
async fn store<P: Projection<Body = Event>>(pool: &PgPool, outputs: &[Output], keys: &[&str]) {
    let all = rows::<P>(SHARD, outputs);
    let chosen: Vec<&P::Rows> = keys.iter().filter_map(|key| all.get(*key)).collect();
    let mut connection = pool.acquire().await.expect("a connection");
    P::store(&mut connection, &chosen).await.expect("stored");
}

async fn remove<P: Projection>(pool: &PgPool, keys: &[&str]) {
    let mut connection = pool.acquire().await.expect("a connection");
    P::remove(&mut connection, keys).await.expect("removed");
}

/// However the rows came about, they are the same; and nothing is left of orders that are gone.
async fn sums_are_those_of_the_orders<P: Projection<Body = Event>>(pool: &PgPool, orders: &Source) {
    orders.apply_all::<P>(pool, 4).await;
    let stepwise = dump::<P>(pool).await;
    let ids: Vec<String> = (0..ORDERS).map(|n| format!("o-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (some, others) = ids.split_at(9);

    // One after the other, as redrives and rebuilds of keys do.
    remove::<P>(pool, some).await;
    assert_ne!(dump::<P>(pool).await, stepwise);
    store::<P>(pool, &orders.outputs, some).await;
    assert_eq!(dump::<P>(pool).await, stepwise, "{}: removed and stored again", P::NAME);
    remove::<P>(pool, others).await;
    remove::<P>(pool, some).await;
    let none = dump::<P>(pool).await;
    assert!(none.iter().all(|(_, rows)| *rows == json!([])), "{}: {none:?}", P::NAME);

    store::<P>(pool, &orders.outputs, &ids).await;
    assert_eq!(dump::<P>(pool).await, stepwise, "{}: stored in one go", P::NAME);
    let mut connection = pool.acquire().await.expect("a connection");
    P::clear(&mut connection, &orders.partition).await.expect("cleared");
    drop(connection);
    assert_eq!(dump::<P>(pool).await, none, "{}: cleared", P::NAME);
    store::<P>(pool, &orders.outputs, &ids).await;
}

#[tokio::test]
async fn sums_follow_the_events_and_forget_what_is_removed() {
    let database = Database::start().await;
    let pool = &database.pool;
    let orders = Source::new(Kind::Orders, &history::orders("o", ORDERS));
    sums_are_those_of_the_orders::<Customers>(pool, &orders).await;
    sums_are_those_of_the_orders::<Sales>(pool, &orders).await;

    let customers = dump::<Customers>(pool).await;
    assert_eq!(
        customers[1].1,
        json!([{
            "customer_id": "customer", "source_partition": 0, "placed": 3, "reserved": 0,
            "rejected": 3, "paid": 0, "shipped": 3, "cancelled": 9, "expired": 3,
        }])
    );
    let spend = json!([{
        "customer_id": "customer", "currency": "EUR", "source_partition": 0, "paid": 6_000,
        "refund_due": 3_000,
    }]);
    assert_eq!(customers[2].1, spend);
    let sales = dump::<Sales>(pool).await;
    let day = json!([{
        "day": "2027-01-15", "currency": "EUR", "source_partition": 0, "orders": 6, "pieces": 24,
        "amount": 6_000, "refunded_orders": 3, "refunded_pieces": 12, "refunded_amount": 3_000,
    }]);
    assert_eq!(sales[1].1, day);
    assert_eq!(sales[2].1.as_array().map(Vec::len), Some(12), "two products of six orders");
    database.stop().await;
}
