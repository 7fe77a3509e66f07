//! Rows that are kept: who answers, what drops them, and that they are never older than a position.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use devstack::{Options, Parts, Stack};
use events::{Kind, Position, position::to_token};
use serde_json::Value;
use support::{Choices, World, answer::Answer, eventually, rows, tiers::Tiers};

const TOPIC: &str = "products.events.v1";

/// A process with these tiers over the servers of another.
fn process(of: &World, tiers: Tiers) -> World {
    let stack = of.stack();
    let wait = Duration::from_millis(50);
    let choices = Choices { tiers, wait, ..Choices::default() };
    World::another(&stack.postgres_url(), &stack.redis_url(), choices)
}

async fn product(world: &World, sku: &str) -> Answer {
    world.get(&format!("/v1/products/{sku}")).await
}

fn status(answer: &Answer) -> &str {
    answer.header("cache-status")
}

/// Moves the projection of partition 0.
async fn checkpoint(world: &World, link_sequence: i64) -> Position {
    let position = rows::position(Kind::Products, 0, link_sequence);
    rows::checkpoint(&world.pool, "products", TOPIC, &position, false).await;
    position
}

/// Changes a product without a word.
async fn change(world: &World, sku: &str, on_hand: i64) {
    let update = "UPDATE products SET on_hand = $2, version = version + 1 WHERE sku = $1";
    sqlx::query(update).bind(sku).bind(on_hand).execute(&world.pool).await.unwrap();
}

async fn tell(world: &World, channel: &str, text: &str) {
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(channel).bind(text);
    notify.execute(&world.pool).await.unwrap();
}

fn on_hand(answer: &Answer) -> Value {
    answer.json()["on_hand"].clone()
}

#[tokio::test]
async fn rows_are_kept_until_a_notice_a_position_or_their_age() {
    let first = World::start().await;
    checkpoint(&first, 1).await;
    for sku in ["A", "B", "C"] {
        rows::product(&first.pool, sku, 10, 4).await;
    }
    a_notice_drops_its_rows_and_no_other(&first).await;
    a_position_is_never_answered_with_an_older_row(&first).await;
    any_change_of_generations_forgets_all(&first).await;
    without_notices_age_drops_rows(&first).await;
    first.end().await;
}

async fn a_notice_drops_its_rows_and_no_other(first: &World) {
    let world = process(first, Tiers::memory());
    // From when it listens on, a row stays.
    eventually("rows are kept", async || {
        product(&world, "B").await;
        status(&product(&world, "A").await) == "spillway-memory; hit"
    })
    .await;
    change(first, "A", 11).await;
    change(first, "B", 11).await;
    assert_eq!(on_hand(&product(&world, "A").await), 10, "nobody has said anything");

    checkpoint(first, 2).await;
    tell(first, "rows", "products/products.events.v1/0/0/2\nA").await;
    eventually("the notice drops the row", async || on_hand(&product(&world, "A").await) == 11)
        .await;
    let kept = product(&world, "B").await;
    assert_eq!((on_hand(&kept), status(&kept)), (10.into(), "spillway-memory; hit"));
    let tag = kept.header("etag").to_owned();
    let same = world.get_with("/v1/products/B", &[("if-none-match", &tag)]).await;
    assert_eq!((same.status.as_u16(), status(&same)), (304, "spillway-memory; hit"));
    world.end().await;
}

async fn a_position_is_never_answered_with_an_older_row(first: &World) {
    let world = process(first, Tiers { listens: false, ..Tiers::memory() });
    let asked = product(&world, "C").await;
    assert_eq!(status(&asked), "spillway-memory; fwd=uri-miss; detail=primary");
    change(first, "C", 12).await;
    let ahead = to_token(&[rows::position(Kind::Products, 0, 3)]);
    let query = async || world.get_with("/v1/products/C", &[("spillway-position", &ahead)]).await;
    query().await.problem(425, "position-not-reached");
    checkpoint(first, 3).await;
    let mut answer = None;
    eventually("the position is reached", async || {
        answer = Some(query().await).filter(|answer| answer.status == 200);
        answer.is_some()
    })
    .await;
    let answer = answer.unwrap();
    assert_eq!(on_hand(&answer), 12);
    assert_eq!(status(&answer), "spillway-memory; fwd=request; detail=primary");
    assert_eq!(status(&query().await), "spillway-memory; hit");
    let elsewhere = to_token(&[rows::position(Kind::Products, 1, 900)]);
    let headers = [("spillway-position", elsewhere.as_str())];
    let other = world.get_with("/v1/products/C", &headers).await;
    assert_eq!(status(&other), "spillway-memory; hit", "another shard does not concern the row");
    world.end().await;
}

async fn any_change_of_generations_forgets_all(first: &World) {
    let world = process(first, Tiers::memory());
    for (n, (channel, text)) in
        (20..).zip([("generations", "products/2/1"), ("rows", "products"), ("rows", "products/?")])
    {
        eventually("rows are kept", async || {
            status(&product(&world, "A").await) == "spillway-memory; hit"
        })
        .await;
        change(first, "A", n).await;
        tell(first, channel, text).await;
        eventually("all rows are forgotten", async || on_hand(&product(&world, "A").await) == n)
            .await;
    }
    world.end().await;
}

async fn without_notices_age_drops_rows(first: &World) {
    let age = Duration::from_millis(20);
    let world = process(first, Tiers { age, listens: false, ..Tiers::default() });
    product(&world, "A").await;
    change(first, "A", 30).await;
    eventually("the row is too old", async || on_hand(&product(&world, "A").await) == 30).await;
    world.end().await;

    let world = process(first, Tiers::default());
    assert_eq!(status(&product(&world, "A").await), "spillway-memory; fwd=bypass; detail=primary");
    world.end().await;
}

#[tokio::test]
async fn redis_is_shared_and_never_needed() {
    let parts = Parts { postgres: true, redis: true, ..Parts::NONE };
    let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();
    let redis_url = stack.redis_url();
    let first = World::over(stack, Choices::default()).await;
    checkpoint(&first, 1).await;
    for sku in ["A", "B", "C", "D"] {
        rows::product(&first.pool, sku, 10, 4).await;
    }
    // Whoever listens begins with a rest; that rows are dropped is another test's matter.
    let tiers = Tiers { redis_url: Some(String::new()), listens: false, ..Tiers::memory() };
    let (one, two) = (process(&first, tiers.clone()), process(&first, tiers.clone()));
    let client = redis::Client::open(redis_url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();

    // The first row tells each process which generation is live.
    for world in [&one, &two] {
        assert_eq!(
            status(&product(world, "D").await),
            "spillway-memory; fwd=uri-miss; detail=primary"
        );
    }
    assert_eq!(
        status(&product(&one, "A").await),
        "spillway-redis; fwd=uri-miss, spillway-memory; fwd=uri-miss; detail=primary"
    );
    until_shared(&mut redis, "A").await;
    change(&first, "A", 11).await;
    let shared = product(&two, "A").await;
    assert_eq!(status(&shared), "spillway-redis; hit, spillway-memory; fwd=uri-miss");
    assert_eq!(on_hand(&shared), 10, "as it was read by the other process");
    let ahead = checkpoint(&first, 2).await;
    let headers = [("spillway-position", to_token(&[ahead]))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    eventually("the position is reached", async || {
        let answer = two.get_with("/v1/products/A", &headers).await;
        answer.status == 200 && on_hand(&answer) == 11
    })
    .await;

    // What is no row of ours is passed over, and a row of a higher version is not written over.
    let name = |sku: &str| format!("spillway:rows:products:1:{sku}");
    let _: () =
        redis::cmd("SET").arg(name("B")).arg("9 nonsense").query_async(&mut redis).await.unwrap();
    assert_eq!(on_hand(&product(&two, "B").await), 10);
    eventually("the row was offered", async || product(&one, "B").await.status == 200).await;
    let kept: String = redis::cmd("GET").arg(name("B")).query_async(&mut redis).await.unwrap();
    assert_eq!(kept, "9 nonsense");

    let _: () = redis::cmd("FLUSHALL").query_async(&mut redis).await.unwrap();
    let flushed = process(&first, tiers.clone());
    product(&flushed, "D").await;
    assert_eq!(on_hand(&product(&flushed, "A").await), 11);

    first.stack().redis().stop().await;
    let without = process(&first, tiers);
    for sku in ["D", "C", "B", "A"] {
        assert_eq!(product(&without, sku).await.status, 200, "Redis is away");
    }
    first.stack().redis().start().await.unwrap();
    let client = redis::Client::open(first.stack().redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    eventually("Redis is used again", async || {
        // One that memory does not know.
        let sku = uuid::Uuid::new_v4().to_string();
        rows::product(&first.pool, &sku, 1, 0).await;
        product(&without, &sku).await;
        let count: i64 = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
        count > 0
    })
    .await;
    for world in [one, two, flushed, without, first] {
        world.end().await;
    }
}

async fn until_shared(redis: &mut redis::aio::MultiplexedConnection, sku: &str) {
    eventually("the row is shared", async || {
        let name = format!("spillway:rows:products:1:{sku}");
        redis::cmd("EXISTS").arg(name).query_async::<bool>(redis).await.unwrap()
    })
    .await;
}
