//! Read your writes: a query with a position waits, and is never silently stale.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use events::{Kind, Position, position::to_token};
use http::StatusCode;
use support::{Choices, World, eventually, rows, soon};
use uuid::Uuid;

const ORDERS: &str = "orders.events.v1";
const PRODUCTS: &str = "products.events.v1";

/// Long enough that a poll cannot be what ends a wait in time.
const NEVER: Duration = Duration::from_secs(600);

/// Time in which a query that does not wait would have answered.
const A_WHILE: Duration = Duration::from_millis(300);

fn header(positions: &[Position]) -> String {
    to_token(positions)
}

#[tokio::test]
async fn a_position_ahead_of_the_read_model_is_425_until_it_has_passed() {
    let wait = Duration::from_millis(100);
    let world = World::with(Choices { wait, ..Choices::default() }).await;
    rows::order(&world.pool, "o-1", None, 0).await;
    rows::product(&world.pool, "A", 1, 0).await;
    let (behind, other) =
        (rows::position(Kind::Orders, 3, 7), rows::position(Kind::Products, 0, 40));
    let token = header(&[behind.clone(), other.clone()]);
    let order = async || world.get_with("/v1/orders/o-1", &[("spillway-position", &token)]).await;

    let early = order().await;
    let problem = early.problem(425, "position-not-reached");
    assert_eq!(problem["behind"], serde_json::json!(["orders/3:0:7"]));
    assert_eq!(problem["retry"], "safe");
    assert_eq!(early.header("retry-after"), "1");
    let by_query = world.get(&format!("/v1/orders?position={token}")).await;
    by_query.problem(425, "position-not-reached");

    let almost = Position { link_sequence: 6, ..behind.clone() };
    rows::checkpoint(&world.pool, "orders", ORDERS, &almost, true).await;
    order().await.problem(425, "position-not-reached");
    rows::checkpoint(&world.pool, "orders", ORDERS, &behind, true).await;
    // A query waits only for a moment here, and the notice may come later than that.
    eventually("the order is shown", async || order().await.status == StatusCode::OK).await;

    // Each route waits for its own read model: products are still behind.
    let product = world.get_with("/v1/products/A", &[("spillway-position", &token)]).await;
    assert_eq!(
        product.problem(425, "position-not-reached")["behind"],
        serde_json::json!(["products/0:0:40"])
    );
    let raised = Position { incarnation: 1, link_sequence: 1, ..other };
    rows::checkpoint(&world.pool, "products", PRODUCTS, &raised, false).await;
    let product = async || world.get_with("/v1/products", &[("spillway-position", &token)]).await;
    let passed = async || product().await.status == StatusCode::OK;
    eventually("a lower incarnation has passed", passed).await;
    world.end().await;
}

#[tokio::test]
async fn every_position_of_a_request_counts() {
    let world = World::with(Choices { wait: Duration::ZERO, ..Choices::default() }).await;
    rows::order(&world.pool, "o-1", None, 0).await;
    let (passed, ahead) = (rows::position(Kind::Orders, 0, 1), rows::position(Kind::Orders, 0, 2));
    rows::checkpoint(&world.pool, "orders", ORDERS, &passed, true).await;
    let (passed, ahead) = (header(&[passed]), header(&[ahead]));
    let ask = async |tokens: &[&str]| {
        let headers: Vec<_> = tokens.iter().map(|token| ("spillway-position", *token)).collect();
        world.get_with("/v1/orders/o-1", &headers).await
    };
    let seen = async || ask(&[&passed]).await.status == StatusCode::OK;
    eventually("the checkpoint is seen", seen).await;
    assert_eq!(ask(&[&passed, &passed]).await.status, StatusCode::OK);
    for tokens in [vec![&*passed, &*ahead], vec![&*ahead, &*passed]] {
        ask(&tokens).await.problem(425, "position-not-reached");
        let joined = tokens.join(", ");
        ask(&[&joined]).await.problem(425, "position-not-reached");
    }
    assert_eq!(ask(&[&passed, "%"]).await.pointers(), ["/header/Spillway-Position"]);
    world.end().await;
}

#[tokio::test]
async fn what_a_reset_took_away_is_not_called_unknown() {
    let world = World::with(Choices { wait: Duration::ZERO, ..Choices::default() }).await;
    let pool = &world.pool;
    rows::order(pool, "o-1", None, 0).await;
    rows::product(pool, "A", 1, 0).await;
    let at = |kind, link_sequence| rows::position(kind, 0, link_sequence);
    rows::checkpoint(pool, "orders", ORDERS, &at(Kind::Orders, 9), true).await;
    rows::checkpoint(pool, "products", PRODUCTS, &at(Kind::Products, 9), true).await;
    let token = header(&[at(Kind::Orders, 9), at(Kind::Products, 9)]);
    let ask = async |path: &str| world.get_with(path, &[("spillway-position", &token)]).await;
    for path in ["/v1/orders", "/v1/products"] {
        eventually("the mark is seen", async || ask(path).await.status == StatusCode::OK).await;
    }

    // As `spillway projections reset` does, in one transaction; the process looks again only later.
    let mut reset = pool.begin().await.unwrap();
    for statement in [
        "DELETE FROM orders",
        "DELETE FROM products",
        "UPDATE checkpoints SET link_sequence = 0, chain = ''",
    ] {
        sqlx::query(statement).execute(&mut *reset).await.unwrap();
    }
    reset.commit().await.unwrap();
    for path in [
        "/v1/orders/o-1",
        "/v1/orders/o-1/history",
        "/v1/why/orders/o-1",
        "/v1/orders",
        "/v1/products/A",
        "/v1/products",
    ] {
        ask(path).await.problem(425, "position-not-reached");
    }
    world.end().await;
}

/// Asks with a position that is ahead, and moves the checkpoint once the query waits.
async fn wait_through(poll: Duration, notify: bool) {
    let world = World::with(Choices { poll, ..Choices::default() }).await;
    rows::order(&world.pool, "o-1", None, 0).await;
    world.until_ready(true).await;
    let position = rows::position(Kind::Orders, 1, 3);
    let token = header(std::slice::from_ref(&position));
    let headers = [("spillway-position", token.as_str()), ("prefer", "wait=3600")];

    let mut query = Box::pin(world.get_with("/v1/orders/o-1", &headers));
    let early = tokio::time::timeout(A_WHILE, &mut query).await;
    assert!(early.is_err(), "answered before the position was passed: {early:?}");
    rows::checkpoint(&world.pool, "orders", ORDERS, &position, notify).await;
    let answer = soon(query).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("preference-applied"), "wait=60");
    world.end().await;
}

#[tokio::test]
async fn a_notice_of_the_projector_ends_the_wait() {
    wait_through(NEVER, true).await;
}

#[tokio::test]
async fn without_notices_polling_ends_the_wait() {
    wait_through(Duration::from_millis(20), false).await;
}

#[tokio::test]
async fn a_client_that_will_not_wait_is_told_at_once() {
    let world = World::with(Choices { wait: support::SOON, ..Choices::default() }).await;
    world.until_ready(true).await;
    let token = header(&[rows::position(Kind::Orders, 0, 1)]);
    let headers = [("spillway-position", token.as_str()), ("prefer", "respond-async, wait=0")];
    let answer = world.get_with("/v1/orders", &headers).await;
    answer.problem(425, "position-not-reached");
    assert_eq!(answer.header("preference-applied"), "wait=0");
    world.end().await;
}

#[tokio::test]
async fn a_position_that_does_not_concern_the_route_is_not_waited_for() {
    let world = World::with(Choices { wait: NEVER, ..Choices::default() }).await;
    let token = header(&[rows::position(Kind::Products, 0, 9), rows::position(Kind::Orders, 1, 0)]);
    let answer = soon(world.get_with("/v1/orders", &[("spillway-position", &token)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn an_outcome_that_is_not_projected_yet_is_waited_for() {
    let world = World::with(Choices { poll: NEVER, ..Choices::default() }).await;
    world.until_ready(true).await;
    let command_id = Uuid::from_u128(9);
    let uri = format!("/v1/commands/{command_id}");
    let mut query = Box::pin(world.get_with(&uri, &[("prefer", "wait=30")]));
    let early = tokio::time::timeout(A_WHILE, &mut query).await;
    assert!(early.is_err(), "answered before the outcome was there: {early:?}");

    // Other outcomes come first: the wait goes on.
    let outcomes = "orders.outcomes.v1";
    rows::checkpoint(&world.pool, "outcomes", outcomes, &rows::position(Kind::Orders, 0, 1), true)
        .await;
    let early = tokio::time::timeout(A_WHILE, &mut query).await;
    assert!(early.is_err(), "answered before the outcome was there: {early:?}");
    rows::outcome(&world.pool, command_id, None, &[]).await;
    rows::checkpoint(&world.pool, "outcomes", outcomes, &rows::position(Kind::Orders, 2, 5), true)
        .await;
    assert_eq!(soon(query).await.json()["status"], "done");

    let missing = format!("/v1/commands/{}", Uuid::from_u128(10));
    let token = header(&[rows::position(Kind::Orders, 0, 9)]);
    let answer = soon(world.get_with(&missing, &[("spillway-position", &token)])).await;
    answer.problem(404, "unknown-command");
    world.end().await;
}
