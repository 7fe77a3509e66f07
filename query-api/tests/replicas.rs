//! Replicas: read when they have passed what a request has seen, and never needed.
//!
//! The replica here is a second database with checkpoints of its own, as a second projector fills it:
//! the test says how far it lags.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use events::{Kind, position::to_token};
use sqlx::PgPool;
use support::{Choices, World, answer::Answer, eventually, rows, tiers::Tiers};

const ORDERS: &str = "orders.events.v1";

/// A database beside the primary, which lags until it is told otherwise.
async fn replica(first: &World) -> (PgPool, String) {
    sqlx::query("CREATE DATABASE replica").execute(&first.pool).await.unwrap();
    let (server, _) = first
        .stack()
        .postgres_url()
        .rsplit_once('/')
        .map(|(s, d)| (s.to_owned(), d.to_owned()))
        .unwrap();
    let url = format!("{server}/replica");
    let pool = PgPool::connect(&url).await.unwrap();
    sqlx::migrate!("../migrations").run(&pool).await.unwrap();
    (pool, url)
}

fn process(first: &World, tiers: Tiers) -> World {
    let wait = Duration::from_millis(50);
    let choices = Choices { tiers, wait, ..Choices::default() };
    World::another(&first.stack().postgres_url(), &first.stack().redis_url(), choices)
}

fn detail(answer: &Answer) -> &str {
    answer.header("cache-status").rsplit_once("detail=").unwrap().1
}

#[tokio::test]
async fn a_replica_answers_only_what_it_has_passed() {
    let first = World::start().await;
    let (behind, url) = replica(&first).await;
    let at = |link_sequence| rows::position(Kind::Orders, 0, link_sequence);
    for (pool, link_sequence) in [(&first.pool, 7), (&behind, 5)] {
        rows::checkpoint(pool, "orders", ORDERS, &at(link_sequence), false).await;
        rows::order(pool, "o-1", None, 0).await;
    }
    let paid = "UPDATE orders SET status = 'paid', version = 3";
    sqlx::query(paid).execute(&first.pool).await.unwrap();
    let world = process(&first, Tiers { replicas: vec![url.clone()], ..Tiers::default() });
    let order = async |link_sequence: i64| {
        let token = to_token(&[at(link_sequence)]);
        world.get_with("/v1/orders/o-1", &[("spillway-position", &token)]).await
    };

    let mut answer = None;
    eventually("the replica is found", async || {
        answer = Some(world.get("/v1/orders/o-1").await);
        detail(answer.as_ref().unwrap()) == "replica"
    })
    .await;
    assert_eq!(answer.unwrap().json()["status"], "reserved", "nobody has seen more");
    let passed = order(5).await;
    assert_eq!((detail(&passed), &passed.json()["status"]), ("replica", &"reserved".into()));
    eventually("the primary is far enough", async || order(7).await.status == 200).await;
    let ahead = order(6).await;
    assert_eq!((detail(&ahead), &ahead.json()["status"]), ("primary", &"paid".into()));
    order(8).await.problem(425, "position-not-reached");
    let list = async |link_sequence: i64| {
        let token = to_token(&[at(link_sequence)]);
        let list = world.get_with("/v1/orders", &[("spillway-position", &token)]).await;
        list.json()["items"][0]["status"].clone()
    };
    assert_eq!((list(5).await, list(7).await), ("reserved".into(), "paid".into()));
    // What a replica has not may just have come.
    rows::order(&first.pool, "o-2", None, 1).await;
    assert_eq!(detail(&world.get("/v1/orders/o-2").await), "primary");

    sqlx::query(paid).execute(&behind).await.unwrap();
    rows::checkpoint(&behind, "orders", ORDERS, &at(7), false).await;
    eventually("the replica has caught up", async || {
        let answer = order(7).await;
        detail(&answer) == "replica" && answer.json()["status"] == "paid"
    })
    .await;

    one_that_lags_too_far_is_not_read(&first, &behind, &url).await;

    // Without its tables it fails, and nobody notices.
    sqlx::query("DROP TABLE orders CASCADE").execute(&behind).await.unwrap();
    let answer = world.get("/v1/orders/o-1").await;
    assert_eq!((answer.status.as_u16(), detail(&answer)), (200, "primary"));
    assert_eq!(world.get("/v1/orders").await.status, 200);
    behind.close().await;
    world.end().await;
    first.end().await;
}

async fn one_that_lags_too_far_is_not_read(first: &World, behind: &PgPool, url: &str) {
    let lag_max = Duration::from_millis(50);
    let tiers = Tiers { replicas: vec![url.to_owned()], lag_max, ..Tiers::default() };
    let world = process(first, tiers);
    let until = async |server: &str| {
        eventually(&format!("the {server} answers"), async || {
            detail(&world.get("/v1/orders/o-1").await) == server
        })
        .await;
    };
    until("replica").await;
    let ahead = rows::position(Kind::Orders, 0, 8);
    rows::checkpoint(&first.pool, "orders", ORDERS, &ahead, false).await;
    until("primary").await;
    rows::checkpoint(behind, "orders", ORDERS, &ahead, false).await;
    until("replica").await;
    world.end().await;
}
