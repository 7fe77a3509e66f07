//! Subscriptions over a real WebSocket: without a gap or a repeat, bounded, and ended at the stop.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use events::Kind;
use query_api::http::GraphqlLimits;
use serde_json::json;
use support::{
    Choices, World, rows,
    socket::{Server, Socket},
    sse::change,
};

async fn product(world: &World, link_sequence: i64, sku: &str) {
    change(&world.pool, ("products", 0, link_sequence, 0), sku, None, link_sequence).await;
}

async fn moved(world: &World, link_sequence: i64) {
    let at = rows::position(Kind::Products, 0, link_sequence);
    rows::checkpoint(&world.pool, "products", "products.events.v1", &at, true).await;
}

const PRODUCTS: &str =
    "subscription($after: String) { products(skus: [\"A\", \"B\"], after: $after) {
    position snapshot { sku available } change { event record { offset linkSequence }
    product { sku version } } } }";

#[tokio::test]
async fn a_subscription_is_begun_resumed_bounded_and_ended() {
    let world = World::with(Choices { streams_max: 3, ..Choices::default() }).await;
    rows::product(&world.pool, "A", 10, 4).await;
    rows::order(&world.pool, "o-1", Some("c-1"), 0).await;
    rows::line(&world.pool, "o-1", 1, "A", None).await;
    moved(&world, 5).await;
    let server = Server::start(&world).await;

    let mut socket = Socket::open(&server).await;
    socket.subscribe("1", PRODUCTS, &json!({})).await;
    let first = socket.data("1").await["products"].clone();
    assert_eq!(first["snapshot"], json!([{"sku": "A", "available": 6}]));
    product(&world, 6, "A").await;
    product(&world, 7, "C").await;
    product(&world, 8, "B").await;
    moved(&world, 8).await;
    let second = socket.change("1", "products").await;
    assert_eq!(second["change"]["product"], json!({"sku": "A", "version": 6}));
    assert_eq!(second["change"]["record"], json!({"offset": 106, "linkSequence": 6}));
    assert_eq!(socket.change("1", "products").await["change"]["product"]["sku"], "B");
    // Nothing happens: the position says that the stream is there.
    let still = socket.data("1").await["products"].clone();
    assert_eq!((&still["snapshot"], &still["change"]), (&json!(null), &json!(null)));

    // From a position, without a snapshot; the id of a server-sent event is one.
    socket.subscribe("2", PRODUCTS, &json!({"after": second["position"]})).await;
    assert_eq!(socket.change("2", "products").await["change"]["product"]["version"], 8);
    socket.stop("2").await;
    // An id that is no longer in use may be used again.
    socket.subscribe("2", "{ order(id: \"o-1\") { id } }", &json!({})).await;
    assert_eq!(socket.data("2").await["order"]["id"], "o-1");

    // An order and a customer beside it, and a query on the same socket.
    let order =
        "subscription { order(id: \"o-1\") { snapshot { status lines { sku product { sku } } } } }";
    socket.subscribe("3", order, &json!({})).await;
    let snapshot = socket.data("3").await["order"]["snapshot"].clone();
    assert_eq!(snapshot["lines"], json!([{"sku": "A", "product": {"sku": "A"}}]));
    let customer = "subscription { customerOrders(customerId: \"c-1\") { snapshot { id } } }";
    socket.subscribe("4", customer, &json!({})).await;
    assert_eq!(socket.data("4").await["customerOrders"]["snapshot"], json!([{"id": "o-1"}]));
    socket.subscribe("5", "{ order(id: \"o-1\") { id } }", &json!({})).await;
    assert_eq!(socket.data("5").await["order"]["id"], "o-1");

    // Streams count together, whatever door they came through.
    socket.subscribe("6", customer, &json!({})).await;
    assert_eq!(socket.error("6").await["code"], "too-many-streams");
    socket.stop("3").await;
    let refusals = [
        ("subscription { order(id: \"o-2\") { position } }", "unknown-order"),
        ("subscription { products(skus: []) { position } }", "invalid"),
        ("subscription { products(after: \"%\") { position } }", "invalid"),
        ("subscription { a: products { position } b: products { position } }", "invalid"),
    ];
    for (n, (query, code)) in refusals.into_iter().enumerate() {
        let id = format!("refused {n}");
        socket.subscribe(&id, query, &json!({})).await;
        assert_eq!(socket.error(&id).await["code"], code, "{query}");
    }

    // One that does not read while more happens than its queue holds is told so, and goes on.
    let last = socket.still("1", "products").await;
    for sequence in 9..=30 {
        product(&world, sequence, "A").await;
    }
    moved(&world, 30).await;
    let (mut position, mut versions) = (last, Vec::new());
    let end = loop {
        match socket.next("1").await {
            Ok(data) => {
                let update = &data["products"];
                position = update["position"].clone();
                if !update["change"].is_null() {
                    versions.push(update["change"]["product"]["version"].clone());
                }
            }
            Err(error) => break error,
        }
    };
    assert_eq!(end["code"], "slow-client");
    socket.subscribe("7", PRODUCTS, &json!({"after": position})).await;
    while versions.len() < 22 {
        let change = socket.change("7", "products").await;
        versions.push(change["change"]["product"]["version"].clone());
    }
    assert_eq!(versions, (9..=30).map(|version| json!(version)).collect::<Vec<_>>());

    world.stop();
    assert_eq!(socket.error("4").await["code"], "stopping");
    assert_eq!(socket.closed().await, 1001);
    server.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_socket_that_is_silent_or_speaks_otherwise_is_cut() {
    let silence_max = Duration::from_millis(500);
    let limits = GraphqlLimits { sockets_max: 1, silence_max, ..GraphqlLimits::default() };
    let world = World::with(Choices { graphql: limits, ..Choices::default() }).await;
    let server = Server::start(&world).await;
    assert_eq!(Socket::refused(&server, "graphql-ws").await, 400);

    // Asks, and then reads nothing at all: its pings stay unanswered.
    let mut silent = Socket::open(&server).await;
    silent.subscribe("1", PRODUCTS, &json!({})).await;
    assert_eq!(Socket::refused(&server, "graphql-transport-ws").await, 503);
    let mut next = Socket::open_when_free(&server).await;
    drop(silent);

    next.say("no JSON").await;
    assert_eq!(next.closed().await, 4400);
    let mut twice = Socket::open_when_free(&server).await;
    twice.subscribe("1", PRODUCTS, &json!({})).await;
    let _ = twice.data("1").await;
    twice.subscribe("1", PRODUCTS, &json!({})).await;
    assert_eq!(twice.closed().await, 4409);
    let mut again = Socket::open_when_free(&server).await;
    again.say(&json!({"type": "connection_init"}).to_string()).await;
    assert_eq!(again.closed().await, 4429);
    let mut early = Socket::ungreeted_when_free(&server).await;
    early.subscribe("1", PRODUCTS, &json!({})).await;
    assert_eq!(early.closed().await, 4401);
    world.stop();
    server.end().await;
    world.end().await;
}
