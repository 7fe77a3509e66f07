//! An order as it was, and why it is as it is: from its kept events.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use events::{
    Money,
    line::{OrderLine, PricedLine},
    order::{OrderPaid, OrderPlaced, OrderReserved},
};
use serde_json::{Value, json, to_value};
use support::{World, rows};
use uuid::Uuid;

/// The events of an order of two shirts that was paid, as the projector keeps them.
async fn keep(world: &World, order_id: &str) {
    let placed = OrderPlaced {
        order_id: order_id.to_owned(),
        customer_id: Some("c-1".to_owned()),
        currency: "EUR".to_owned(),
        lines: vec![OrderLine { line: 1, sku: "A".to_owned(), quantity: 2, unit_price_max: None }],
    };
    let reserved = OrderReserved {
        order_id: order_id.to_owned(),
        lines: vec![PricedLine { line: 1, sku: "A".to_owned(), quantity: 2, unit_price: 1250 }],
        total: Money::new(2500, "EUR"),
        payment_deadline: rows::at(900_001).timestamp_millis(),
    };
    let paid = OrderPaid {
        order_id: order_id.to_owned(),
        reference: "p-1".to_owned(),
        amount: Money::new(2500, "EUR"),
    };
    for (version, event, body) in [
        (1, "OrderPlaced", to_value(&placed)),
        (2, "OrderReserved", to_value(&reserved)),
        (3, "OrderPaid", to_value(&paid)),
    ] {
        rows::history(&world.pool, order_id, version, event, body.unwrap()).await;
    }
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_and_why() {
    let world = World::start().await;
    keep(&world, "o-1").await;
    rows::order(&world.pool, "o-1", Some("c-1"), 1).await;
    rows::line(&world.pool, "o-1", 1, "A", Some(1250)).await;
    sqlx::query("UPDATE orders SET status = 'paid', version = 3, updated_at = $1")
        .bind(rows::at(3))
        .execute(&world.pool)
        .await
        .unwrap();
    let get = async |query: &str| world.get(&format!("/v1/orders/o-1{query}")).await;

    let placed = get("?version=1").await;
    assert_eq!(placed.json()["status"], "placed");
    assert_eq!(placed.json()["lines"], json!([{"line": 1, "sku": "A", "quantity": 2}]));
    assert_eq!(placed.header("etag"), "\"1\"");
    assert_eq!(placed.header("cache-control"), "private, max-age=3600, immutable");
    assert_eq!(get("?version=2").await.json()["status"], "reserved");
    assert_eq!(get("?version=3").await.json(), get("").await.json(), "the fold is the row's own");
    assert_eq!(get("?at=2026-11-27T09:00:00.002Z").await.json()["version"], 2);
    assert_eq!(get("?at=2026-11-27T10:00:00.002%2B01:00").await.json()["version"], 2);
    assert_eq!(get("?at=2030-01-01T00:00:00Z").await.json()["version"], 3);

    get("?version=4").await.problem(404, "unknown-version");
    get("?at=2026-11-27T09:00:00.000Z").await.problem(404, "unknown-version");
    world.get("/v1/orders/o-2?version=1").await.problem(404, "unknown-order");
    assert_eq!(get("?version=0&at=then").await.pointers(), ["/query/version", "/query/at"]);
    assert_eq!(get("?version=1&at=2030-01-01T00:00:00Z").await.pointers(), ["/query/at"]);

    let command_id = Uuid::from_u128(7);
    rows::outcome(&world.pool, command_id, None, &[]).await;
    sqlx::query(
        "UPDATE order_history SET command_id = $1, origin = 'orders/3:0:41:0', applied_at = $2
         WHERE version = 1",
    )
    .bind(command_id)
    .bind(rows::at(26))
    .execute(&world.pool)
    .await
    .unwrap();
    let position = rows::position(events::Kind::Orders, 3, 13);
    rows::checkpoint(&world.pool, "orders", "orders.events.v1", &position, false).await;
    let why = world.get("/v1/why/orders/o-1").await.json();
    assert_eq!(
        why["events"][0],
        json!({
            "version": 1, "type": "OrderPlaced", "at": "2026-11-27T09:00:00.001Z",
            "applied_at": "2026-11-27T09:00:00.026Z", "delay_ms": 25,
            "record": {
                "topic": "orders.events.v1", "partition": 3, "offset": 101, "link_sequence": 11,
            },
            "origin": "orders/3:0:41:0",
            "decided_by": {"topic": "orders.commands.v1", "partition": 3, "offset": 41},
            "command_id": command_id,
        })
    );
    assert_eq!(why["events"].as_array().unwrap().len(), 3);
    // What is applied anew says when, and calls nothing a delay.
    let anew = |at, verb: &str, detail: Value| {
        let statement = sqlx::query(
            "INSERT INTO operations (at, operator, verb, projection, generation, topic, partition,
                                     detail)
             VALUES ($1, 'x', $2, 'orders', 1, 'orders.events.v1', 3, $3)",
        );
        statement.bind(at).bind(verb.to_owned()).bind(detail).execute(&world.pool)
    };
    let delay = async || {
        let why = world.get("/v1/why/orders/o-1").await.json();
        assert_eq!(why["events"][0]["applied_at"], "2026-11-27T09:00:00.026Z");
        why["events"][0]["delay_ms"].clone()
    };
    for (at, verb, detail, expected) in [
        (rows::at(20), "pause", json!({}), json!(25)),
        (rows::at(27), "reset", json!({}), json!(25)),
        (rows::at(20), "rebuild", json!({"key": "o-2"}), json!(25)),
        (rows::at(20), "rebuild", json!({"key": "o-1"}), json!(null)),
        (rows::at(20), "reset", json!({}), json!(null)),
    ] {
        anew(at, verb, detail.clone()).await.unwrap();
        assert_eq!(delay().await, expected, "{verb} {detail}");
        sqlx::query("TRUNCATE operations").execute(&world.pool).await.unwrap();
    }
    for (at, expected) in [(rows::at(25), json!(25)), (rows::at(26), json!(null))] {
        let switched = "UPDATE generations SET switched_at = $1 WHERE projection = 'orders'";
        sqlx::query(switched).bind(at).execute(&world.pool).await.unwrap();
        assert_eq!(delay().await, expected);
    }
    assert_eq!(why["commands"][0]["command"], "PlaceOrder");
    assert_eq!(why["projection"]["link_sequence"], 13);
    assert_eq!(why["parked"], json!(null));
    world.get("/v1/why/orders/o-2").await.problem(404, "unknown-order");
    assert_eq!(world.get("/v1/why/orders/o-1?x=1").await.pointers(), ["/query/x"]);

    // A history with a hole makes no order, and that is no fault of the client.
    sqlx::query("DELETE FROM order_history WHERE version = 2").execute(&world.pool).await.unwrap();
    get("?version=3").await.problem(500, "internal");
    world.end().await;
}
