//! PostgreSQL goes away, falls silent, or is not set up: the client may come back, and recovers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use support::{Choices, World, answer::Answer, eventually, rows, soon};
use tokio::time::timeout;

fn is_unavailable(answer: &Answer) {
    let problem = answer.problem(503, "unavailable");
    assert_eq!(problem["retry"], "safe");
    assert_eq!(answer.header("retry-after"), "1");
    let detail = problem["detail"].as_str().unwrap();
    assert!(!detail.contains("127.0.0.1"), "internals stay inside: {detail}");
}

#[tokio::test]
async fn a_stopped_postgresql_is_503_and_its_return_is_noticed() {
    let world = World::start().await;
    rows::order(&world.pool, "o-1", None, 0).await;
    rows::product(&world.pool, "A", 3, 1).await;
    world.until_ready(true).await;
    assert_eq!(world.get("/v1/orders/o-1").await.status, StatusCode::OK);

    world.stack().postgres().stop().await;
    let token = events::position::to_token(&[rows::position(events::Kind::Orders, 0, 1)]);
    for uri in ["/v1/orders/o-1", "/v1/orders", "/v1/products/A", "/v1/orders/o-1/history"] {
        is_unavailable(&soon(world.get(uri)).await);
    }
    world.until_ready(false).await;
    let reason = world.health.readiness().conditions.remove(0).reason.unwrap();
    assert_eq!(reason, "PostgreSQL cannot be reached");
    // Nobody knows how far the read model is, so that "not yet" would be a guess.
    is_unavailable(&soon(world.get_with("/v1/orders/o-1", &[("spillway-position", &token)])).await);
    assert_eq!(world.get("/problems/unavailable").await.status, StatusCode::OK);

    world.stack().postgres().start().await.unwrap();
    world.until_ready(true).await;
    eventually("orders are answered again", async || {
        world.get("/v1/orders/o-1").await.status == StatusCode::OK
    })
    .await;
    rows::checkpoint(
        &world.pool,
        "orders",
        "orders.events.v1",
        &rows::position(events::Kind::Orders, 0, 1),
        false,
    )
    .await;
    let answer = soon(world.get_with("/v1/orders/o-1", &[("spillway-position", &token)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn connections_that_died_with_the_server_cost_no_answer() {
    let world = World::start().await;
    rows::order(&world.pool, "o-1", None, 0).await;
    assert_eq!(world.get("/v1/orders/o-1").await.status, StatusCode::OK);
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'query-api'";
    let killed: i64 = sqlx::query_scalar(kill).fetch_one(&world.pool).await.unwrap();
    assert!(killed > 0);
    assert_eq!(world.get("/v1/orders/o-1").await.status, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn a_silent_server_and_a_slow_statement_are_cut_at_the_deadline() {
    let world = World::start().await;
    rows::order(&world.pool, "o-1", None, 0).await;
    assert_eq!(world.get("/v1/orders/o-1").await.status, StatusCode::OK);

    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE orders").execute(&mut *lock).await.unwrap();
    let slow = soon(world.get("/v1/orders/o-1")).await;
    is_unavailable(&slow);
    clients_that_leave_do_not_add_up(&world).await;
    lock.rollback().await.unwrap();
    assert_eq!(world.get("/v1/orders/o-1").await.status, StatusCode::OK);

    let frozen = Frozen::freeze(&world).await;
    is_unavailable(&soon(world.get("/v1/orders/o-1")).await);
    world.until_ready(false).await;
    drop(frozen);
    eventually("orders are answered again", async || {
        world.get("/v1/orders/o-1").await.status == StatusCode::OK
    })
    .await;
    world.until_ready(true).await;
    world.end().await;
}

/// The server works on for a client that has left, so what it works with counts until it is done.
async fn clients_that_leave_do_not_add_up(world: &World) {
    for _ in 0..4 {
        let gone = (0..8).map(|_| timeout(Duration::from_millis(100), world.get("/v1/orders")));
        assert!(join_all(gone).await.iter().all(Result::is_err), "the table is locked");
    }
    let backends = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'query-api'";
    let backends: i64 = sqlx::query_scalar(backends).fetch_one(&world.pool).await.unwrap();
    // As many as there may be for requests, and those that follow the projections.
    assert!(backends <= 8 + 3, "{backends} connections are open");
}

/// A server whose processes stand still, as in a long pause of its machine; until dropped.
///
/// Each backend is its own session, so that stopping the postmaster's group is not enough.
struct Frozen(Vec<Pid>);

impl Frozen {
    async fn freeze(world: &World) -> Self {
        let backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'query-api'";
        let backends: Vec<i32> = sqlx::query_scalar(backends).fetch_all(&world.pool).await.unwrap();
        let postmaster = world.stack().postgres().id().unwrap().cast_signed();
        let frozen = Self([postmaster].into_iter().chain(backends).map(Pid::from_raw).collect());
        for pid in &frozen.0 {
            kill(*pid, Signal::SIGSTOP).unwrap();
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that has ended meanwhile needs no waking.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

#[tokio::test]
async fn before_the_migrations_the_process_waits_instead_of_failing() {
    let world = World::with(Choices { migrated: false, ..Choices::default() }).await;
    let answer = world.get("/v1/products").await;
    is_unavailable(&answer);
    assert!(answer.text.contains("run the projector"), "{}", answer.text);
    assert!(!world.health.readiness().ready);

    sqlx::migrate!("../migrations").run(&world.pool).await.unwrap();
    world.until_ready(true).await;
    assert_eq!(world.get("/v1/products").await.status, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn a_damaged_row_is_an_internal_error_without_internals() {
    let world = World::start().await;
    sqlx::query("ALTER TABLE outcomes ALTER COLUMN kind TYPE bytea USING 'x'")
        .execute(&world.pool)
        .await
        .unwrap();
    let id = uuid::Uuid::from_u128(1);
    sqlx::query(
        "INSERT INTO outcomes (command_id, kind, key, command, caller, status, version, position,
            decided_at, source_partition)
         VALUES ($1, 'x', 'k', 'c', 'a', 'done', 1, '[]', now(), 0)",
    )
    .bind(id)
    .execute(&world.pool)
    .await
    .unwrap();
    let answer = world.get(&format!("/v1/commands/{id}")).await;
    let problem = answer.problem(500, "internal");
    assert_eq!((problem.get("detail"), &problem["retry"]), (None, &serde_json::json!("safe")));
    world.end().await;
}
