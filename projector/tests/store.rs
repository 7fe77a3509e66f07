//! The transaction against a real PostgreSQL: rows, checkpoint, letters, and who may commit.

mod support;

use std::time::Duration;

use events::{Kind, Money, ShardId, product::ProductRegistered};
use projector::{
    migrate,
    projection::{Projection, orders::Orders, products::Products},
    store::{Applied, Error, Owner, apply, connect},
    sweep::sweep,
};
use sqlx::{Row, postgres::PgListener};
use support::{
    database::{Database, PATIENCE},
    history::{self, Step},
    shard::rows,
    source::Source,
};

fn registered(sku: &str, name: &str) -> Step {
    let (sku, name) = (sku.to_owned(), name.to_owned());
    vec![ProductRegistered { sku, name, price: Money::new(1, "EUR") }.into()]
}

#[tokio::test]
async fn rows_are_the_fold_of_the_events_whatever_the_batches() {
    let database = Database::start().await;
    let pool = &database.pool;
    let orders = Source::new(Kind::Orders, &history::orders("o", 20));
    orders.apply_all::<Orders>(pool, 7).await;
    let expected = rows::<Orders>(ShardId::new(Kind::Orders, 0), &orders.outputs);
    let ids: Vec<&str> = expected.keys().map(String::as_str).collect();
    let mut connection = pool.acquire().await.expect("a connection");
    let stored = Orders::load(&mut connection, &ids).await.expect("rows");
    assert_eq!(stored.len(), expected.len());
    for (id, order) in &stored {
        assert_eq!(order.order, expected[id].order);
        assert_eq!(order.lines, expected[id].lines);
    }
    let history = sqlx::query("SELECT * FROM order_history ORDER BY link_sequence")
        .fetch_all(pool)
        .await
        .expect("the history");
    assert_eq!(history.len(), orders.outputs.len());
    for (row, output) in history.iter().zip(&orders.outputs) {
        assert_eq!(row.get::<&str, _>("order_id"), output.event.key());
        assert_eq!(row.get::<&str, _>("type"), output.event.name());
        assert_eq!(Some(row.get::<i64, _>("version")), output.version);
        let body: serde_json::Value = row.get("body");
        assert_eq!(body["order_id"], output.event.key());
    }

    let products = Source::new(Kind::Products, &history::products("p", 5));
    products.apply_all::<Products>(pool, 3).await;
    let mut expected = rows::<Products>(ShardId::new(Kind::Products, 0), &products.outputs);
    expected.values_mut().for_each(|product| product.last = None);
    let skus: Vec<&str> = expected.keys().map(String::as_str).collect();
    let stored = Products::load(&mut connection, &skus).await.expect("rows");
    assert_eq!(stored, expected);
    drop(connection);
    database.stop().await;
}

#[tokio::test]
async fn streams_are_told_every_change_in_its_place_until_it_is_old() {
    let database = Database::start().await;
    let pool = &database.pool;
    let orders = Source::new(Kind::Orders, &history::orders("o", 20));
    orders.apply_all::<Orders>(pool, 7).await;
    let changes = sqlx::query(
        "SELECT link_sequence, key, event, version, state, customer_id FROM changes
         WHERE projection = 'orders' AND partition = 0 AND incarnation = 0 AND nth = 0
         ORDER BY link_sequence",
    );
    let changes = changes.fetch_all(pool).await.expect("changes");
    assert_eq!(changes.len(), orders.outputs.len());
    for ((row, output), sequence) in changes.iter().zip(&orders.outputs).zip(1..) {
        assert_eq!(row.get::<i64, _>("link_sequence"), sequence);
        assert_eq!(row.get::<&str, _>("key"), output.event.key());
        assert_eq!(row.get::<&str, _>("event"), output.event.name());
        assert_eq!(Some(row.get::<i64, _>("version")), output.version);
    }
    // The last change of an order is the order, and of a product the product.
    let others = "SELECT count(*) FROM changes c JOIN orders o ON o.order_id = c.key
        AND o.version = c.version WHERE c.state->>'status' = o.status
        AND (c.state->>'updated_at')::timestamptz = o.updated_at
        AND (c.state->>'total_amount')::bigint IS NOT DISTINCT FROM o.total_amount
        AND c.customer_id IS NOT DISTINCT FROM o.customer_id";
    let told: i64 = sqlx::query_scalar(others).fetch_one(pool).await.expect("a count");
    let all: Result<i64, _> =
        sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(pool).await;
    assert_eq!(told, all.expect("a count"));

    let products = Source::new(Kind::Products, &history::products("p", 5));
    products.apply_all::<Products>(pool, 3).await;
    let told = "SELECT count(*) FROM changes c JOIN products p ON p.sku = c.key
        AND p.version = c.version AND c.projection = 'products'
        WHERE (c.state->>'on_hand')::bigint = p.on_hand";
    let told: i64 = sqlx::query_scalar(told).fetch_one(pool).await.expect("a count");
    let all: Result<i64, _> =
        sqlx::query_scalar("SELECT count(*) FROM products").fetch_one(pool).await;
    assert_eq!(told, all.expect("a count"));

    assert_eq!(sweep(pool, Duration::from_secs(3_600)).await.expect("a sweep"), 0);
    let all: i64 =
        sqlx::query_scalar("SELECT count(*) FROM changes").fetch_one(pool).await.expect("a count");
    let swept = sweep(pool, Duration::ZERO).await.expect("a sweep");
    assert_eq!(i64::try_from(swept).expect("small"), all);
    let floor: i64 = sqlx::query_scalar(
        "SELECT link_sequence FROM change_floors WHERE projection = 'orders' AND partition = 0",
    )
    .fetch_one(pool)
    .await
    .expect("a floor");
    assert_eq!(floor, i64::try_from(orders.outputs.len()).expect("small"));
    database.stop().await;
}

#[tokio::test]
async fn of_two_runners_that_start_from_one_checkpoint_one_commits() {
    let database = Database::start().await;
    let pool = &database.pool;
    let source = Source::new(Kind::Products, &history::products("p", 3));
    let start = source.checkpoint::<Products>(pool).await;
    let (whole, part) = (source.batch(start, 30), source.batch(start, 3));
    let (whole, part) = tokio::join!(
        apply::<Products>(pool, Owner::live(Products::NAME, 1), &whole),
        apply::<Products>(pool, Owner::live(Products::NAME, 1), &part)
    );
    let is_conflict = |outcome: &Result<Applied, Error>| matches!(outcome, Err(Error::Conflict(_)));
    assert!(is_conflict(&whole) != is_conflict(&part), "{whole:?} {part:?}");
    // The loser reads the checkpoint again and goes on; the rows are those of one runner.
    source.apply_all::<Products>(pool, 4).await;
    let stale =
        apply::<Products>(pool, Owner::live(Products::NAME, 1), &source.batch(start, 30)).await;
    assert!(is_conflict(&stale), "{stale:?}");
    let versions: i64 = sqlx::query_scalar("SELECT sum(version)::bigint FROM products")
        .fetch_one(pool)
        .await
        .expect("a sum");
    let versioned = source.outputs.iter().filter(|output| output.version.is_some()).count();
    assert_eq!(versions, i64::try_from(versioned).expect("small"));
    database.stop().await;
}

#[tokio::test]
async fn rows_that_postgresql_refuses_are_parked_and_the_others_stored() {
    let database = Database::start().await;
    let pool = &database.pool;
    // PostgreSQL takes no NUL in a text.
    let steps = [registered("a", "fine"), registered("b", "nul \0"), registered("c", "fine")];
    let source = Source::new(Kind::Products, &steps);
    let start = source.checkpoint::<Products>(pool).await;
    let applied = apply::<Products>(pool, Owner::live(Products::NAME, 1), &source.batch(start, 3))
        .await
        .expect("applied");
    assert_eq!(applied.letters, [("unstorable", 1)].into());
    assert_eq!((applied.facts_count, applied.parked_count), (2, 1));
    let skus: Vec<String> = sqlx::query_scalar("SELECT sku FROM products ORDER BY sku")
        .fetch_all(pool)
        .await
        .expect("skus");
    assert_eq!(skus, ["a", "c"]);
    let letter = sqlx::query("SELECT * FROM dead_letters").fetch_one(pool).await.expect("one");
    assert_eq!(letter.get::<&[u8], _>("key"), b"b");
    assert_eq!(letter.get::<Option<i64>, _>("link_sequence"), Some(2));
    assert_eq!(letter.get::<Vec<String>, _>("header_names")[0], "origin");
    assert_eq!(letter.get::<Vec<Vec<u8>>, _>("header_values")[0], b"products/0:0:1:0");
    assert_eq!(source.checkpoint::<Products>(pool).await.mark.link_sequence, 3);
    database.stop().await;
}

#[tokio::test]
async fn a_commit_tells_whoever_waits_for_a_position() {
    let database = Database::start().await;
    let pool = &database.pool;
    let mut listener = PgListener::connect_with(pool).await.expect("a listener");
    listener.listen("checkpoints").await.expect("listening");
    let source = Source::new(Kind::Products, &history::products("p", 1));
    source.apply_all::<Products>(pool, 100).await;
    let notice = tokio::time::timeout(PATIENCE, listener.recv()).await;
    let notice = notice.expect("in time").expect("a notice");
    assert_eq!(notice.payload(), "products/products.events.v1/0");
    drop(listener);
    database.stop().await;
}

#[tokio::test]
async fn a_runner_frozen_inside_its_transaction_does_not_hold_up_the_next() {
    let database = Database::start().await;
    let pool = &database.pool;
    let source = Source::new(Kind::Products, &history::products("p", 1));
    source.checkpoint::<Products>(pool).await;
    let frozen = connect::pool(&database.stack.postgres_url(), 1).expect("a pool");
    let mut transaction = frozen.begin().await.expect("a transaction");
    sqlx::query("SELECT * FROM checkpoints FOR UPDATE")
        .fetch_all(&mut *transaction)
        .await
        .expect("locked");
    // PostgreSQL ends the idle transaction, and the lock goes with it.
    source.apply_all::<Products>(pool, 100).await;
    assert!(transaction.commit().await.is_err());
    frozen.close().await;
    database.stop().await;
}

#[tokio::test]
async fn migrations_are_applied_once_by_any_number_of_instances() {
    let database = Database::start().await;
    let pool = &database.pool;
    let again = tokio::join!(migrate::apply(pool), migrate::apply(pool), migrate::apply(pool));
    assert!(matches!(again, (Ok(()), Ok(()), Ok(()))), "{again:?}");
    assert!(migrate::missing(pool).await.expect("an answer").is_empty());
    let url = database.stack.create_database("untouched").await.expect("a database");
    let untouched = connect::pool(&url, 1).expect("a pool");
    assert!(!migrate::missing(&untouched).await.expect("an answer").is_empty());
    untouched.close().await;
    database.stop().await;
}
