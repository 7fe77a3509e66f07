//! The transaction against a real PostgreSQL: rows, checkpoint, letters, and who may commit.

mod support;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{Record, Timestamp};
use events::{Kind, Money, ShardId, product::ProductRegistered};
use projector::{
    fact::{Poison, class},
    fold::Read,
    intake::Intake,
    link::Link,
    migrate,
    operate::Operator,
    projection::{Projection, orders::Orders, outcomes::Outcomes, products::Products},
    rebuild::{
        begin::begin,
        compare::{compare, moment},
    },
    store::{Applied, Error, Owner, apply, connect},
    sweep::{changes::sweep, outcomes},
};
use sqlx::{PgPool, Row, postgres::PgListener};
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

/// An outcome of a command.
async fn decided(pool: &PgPool, table: &str, id: u128, at: DateTime<Utc>) {
    let insert = format!(
        "INSERT INTO {table} (command_id, kind, key, command, caller, status, version, position,
             decided_at, source_partition)
         VALUES ($1, 'orders', 'o-1', 'PayOrder', 'anonymous', 'done', 2, '[]', $2, 0)"
    );
    sqlx::query(sqlx::AssertSqlSafe(insert))
        .bind(uuid::Uuid::from_u128(id))
        .bind(at)
        .execute(pool)
        .await
        .expect("stored");
}

#[tokio::test]
async fn old_outcomes_are_deleted_and_no_difference() {
    let database = Database::start().await;
    let pool = &database.pool;
    let now: DateTime<Utc> =
        sqlx::query_scalar("SELECT now()").fetch_one(pool).await.expect("a time");
    let ago = |days| now - TimeDelta::days(days);
    for (id, days) in [(1, 0), (2, 3), (3, 9), (4, 30)] {
        decided(pool, "outcomes", id, ago(days)).await;
    }
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(outcomes::sweep(pool, 20 * day).await.expect("a sweep"), 1);
    assert_eq!(outcomes::sweep(pool, 7 * day).await.expect("a sweep"), 1);
    assert_eq!(outcomes::sweep(pool, 7 * day).await.expect("a sweep"), 0);
    assert_eq!(outcomes::sweep(pool, 20 * day).await.expect("a sweep"), 0);

    // A build beside has what its topics hold, which is more, until it is swept too.
    let by = Operator { name: "a test".to_owned(), reason: None };
    let (beside, _) = begin::<Outcomes>(pool, &by).await.expect("begun");
    for (id, days) in [(1, 0), (2, 3), (3, 9)] {
        decided(pool, &format!("{}.outcomes", beside.schema()), id, ago(days)).await;
    }
    let equal = async || {
        let mut moment = moment(pool).await.expect("a moment");
        let compared = compare::<Outcomes>(&mut moment, beside).await.expect("compared");
        (compared[0].is_equal(), compared[0].live.rows)
    };
    assert_eq!(equal().await, (true, 2));
    decided(pool, "outcomes", 5, ago(6)).await;
    assert_eq!(equal().await, (false, 3), "what is kept counts");
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

/// Bytes that no compression makes fit into an index.
fn random(length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| *uuid::Uuid::new_v4().as_bytes()).flatten().take(length).collect()
}

#[tokio::test]
async fn a_key_of_any_length_stops_nothing() {
    let database = Database::start().await;
    let pool = &database.pool;
    let steps = [registered("a", "fine"), registered("b", "fine"), registered("c", "fine")];
    let source = Source::new(Kind::Products, &steps);
    let (foreign, wrong) = (random(3_000), random(3_000));
    let start = source.checkpoint::<Products>(pool).await;
    let mut intake = Intake::new(source.partition.clone(), start, Link::new(start));
    let stranger = |offset, key: &[u8]| {
        let partition = source.partition.clone();
        Record::new(partition, offset, Timestamp::None, Some(key), None, std::iter::empty())
    };
    intake.admit(source.outputs[0].record(&source.partition, 0));
    intake.admit(stranger(1, &foreign));
    // Of ours, but under another key, so that its later events wait.
    for (offset, output) in (2..).zip(&source.outputs[1..]) {
        let headers = output.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let partition = source.partition.clone();
        let key = Some(wrong.as_slice());
        intake.admit(Record::new(partition, offset, Timestamp::None, key, None, headers));
    }
    let slice = intake.take().expect("a slice");
    let poison = || Err(Poison::new(class::WRONG_KEY, "it says so"));
    let contents = vec![Ok(source.outputs[0].fact(&source.partition, 0)), poison(), poison()];
    let owner = Owner::live(Products::NAME, 1);
    let applied = apply::<Products>(pool, owner, &[Read { slice, contents }]).await;
    let applied = applied.expect("applied");
    assert_eq!((applied.facts_count, applied.parked_count), (1, 1));
    let keys: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT key FROM dead_letters ORDER BY kafka_offset")
            .fetch_all(pool)
            .await
            .expect("letters");
    assert_eq!(keys, [foreign, wrong.clone(), wrong.clone()]);
    let parked: Vec<u8> =
        sqlx::query_scalar("SELECT key FROM live_parked_keys").fetch_one(pool).await.expect("one");
    assert_eq!(parked, wrong);
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
