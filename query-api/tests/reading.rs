//! What each route answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use http::{Method, StatusCode};
use serde_json::json;
use support::{World, rows};
use uuid::Uuid;

#[tokio::test]
async fn an_order_is_answered_with_its_lines_and_its_version_as_etag() {
    let world = World::start().await;
    rows::order(&world.pool, "o-1", Some("c-1"), 0).await;
    rows::line(&world.pool, "o-1", 2, "B", None).await;
    rows::line(&world.pool, "o-1", 1, "A", Some(1250)).await;

    let answer = world.get("/v1/orders/o-1").await;
    assert_eq!(
        answer.json(),
        json!({
            "order_id": "o-1", "customer_id": "c-1", "currency": "EUR", "status": "reserved",
            "total": {"amount": 2500, "currency": "EUR"},
            "payment_deadline": "2026-11-27T09:15:00.000Z", "refund_due": null,
            "placed_at": "2026-11-27T09:00:00.000Z", "updated_at": "2026-11-27T09:00:00.000Z",
            "version": 2,
            "lines": [
                {"line": 1, "sku": "A", "quantity": 2, "unit_price": 1250},
                {"line": 2, "sku": "B", "quantity": 2},
            ],
        })
    );
    assert_eq!(answer.header("etag"), "\"2\"");
    assert_eq!(answer.header("cache-control"), "private, max-age=0, must-revalidate");
    assert_eq!(answer.header("vary"), "Spillway-Position");

    let same = world.get_with("/v1/orders/o-1", &[("if-none-match", "\"1\", W/\"2\"")]).await;
    assert_eq!((same.status, same.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(same.header("etag"), "\"2\"");
    assert_eq!(same.header("cache-control"), "private, max-age=0, must-revalidate");
    let older = world.get_with("/v1/orders/o-1", &[("if-none-match", "\"1\"")]).await;
    assert_eq!(older.status, StatusCode::OK);

    let head = world.ask(Method::HEAD, "/v1/orders/o-1", &[]).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("etag"), "\"2\"");
    let post = world.ask(Method::POST, "/v1/orders/o-1", &[]).await;
    post.problem(405, "method-not-allowed");
    assert_eq!(post.header("allow"), "GET,HEAD");
    let options = world.ask(Method::OPTIONS, "/v1/orders/o-1", &[]).await;
    assert_eq!((options.status, options.header("allow")), (StatusCode::NO_CONTENT, "GET,HEAD"));

    world.get("/v1/orders/o-2").await.problem(404, "unknown-order");
    world.get("/v1/orders/o%00").await.problem(404, "unknown-order");
    world.get(&format!("/v1/orders/{}", "x".repeat(129))).await.problem(404, "unknown-order");
    world.end().await;
}

#[tokio::test]
async fn a_history_shows_every_event_and_where_it_lies_in_the_log() {
    let world = World::start().await;
    let placed = json!({"order_id": "o-1", "lines": []});
    rows::history(&world.pool, "o-1", 2, "OrderReserved", json!({"order_id": "o-1"})).await;
    rows::history(&world.pool, "o-1", 1, "OrderPlaced", placed.clone()).await;

    let answer = world.get("/v1/orders/o-1/history").await;
    let history = answer.json();
    assert_eq!(
        history["items"][0],
        json!({
            "version": 1, "type": "OrderPlaced", "at": "2026-11-27T09:00:00.001Z",
            "command_id": null, "body": placed,
            "record": {
                "topic": "orders.events.v1", "partition": 3, "offset": 101, "link_sequence": 11,
            },
        })
    );
    assert_eq!(history["items"][1]["type"], "OrderReserved");

    let tag = answer.header("etag");
    let same = world.get_with("/v1/orders/o-1/history", &[("if-none-match", tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    rows::history(&world.pool, "o-1", 3, "OrderPaid", json!({})).await;
    let more = world.get_with("/v1/orders/o-1/history", &[("if-none-match", tag)]).await;
    assert_eq!(more.json()["items"].as_array().unwrap().len(), 3);
    world.get("/v1/orders/o-2/history").await.problem(404, "unknown-order");
    world.end().await;
}

#[tokio::test]
async fn a_product_is_answered_with_what_is_still_available() {
    let world = World::start().await;
    rows::product(&world.pool, "TSHIRT-M", 10, 4).await;

    let answer = world.get("/v1/products/TSHIRT-M").await;
    let product = answer.json();
    assert_eq!(product["price"], json!({"amount": 1250, "currency": "EUR"}));
    assert_eq!(product["on_hand"], 10);
    assert_eq!(product["reserved"], 4);
    assert_eq!(product["available"], 6);
    assert_eq!(answer.header("etag"), "\"5\"");
    assert_eq!(answer.header("cache-control"), "public, max-age=1, stale-while-revalidate=5");
    let same = world.get_with("/v1/products/TSHIRT-M", &[("if-none-match", "\"5\"")]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    world.get("/v1/products/TSHIRT-L").await.problem(404, "unknown-sku");
    world.end().await;
}

#[tokio::test]
async fn an_outcome_tells_what_became_of_a_command() {
    let world = World::start().await;
    let (done, refused) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let positions =
        [rows::position(events::Kind::Orders, 1, 7), rows::position(events::Kind::Products, 2, 9)];
    let refusal = json!({
        "code": "out-of-stock", "detail": "Line 1 could not be reserved.",
        "lines": [{"line": 1, "sku": "A", "reason": "out-of-stock", "available": 3}],
    });
    rows::outcome(&world.pool, done, None, &positions).await;
    rows::outcome(&world.pool, refused, Some(refusal), &positions).await;
    let token = events::position::to_token(&positions);

    let answer = world.get(&format!("/v1/commands/{done}")).await;
    assert_eq!(
        answer.json(),
        json!({
            "command_id": done, "command": "PlaceOrder", "resource": "/v1/orders/o%201",
            "status": "done", "version": 2, "decided_at": "2026-11-27T09:00:00.000Z",
            "refusal": null, "position": token,
            "order": {
                "status": "reserved", "total": {"amount": 2500, "currency": "EUR"},
                "payment_deadline": "2026-11-27T09:15:00.000Z", "refund_due": null,
            },
        })
    );
    assert_eq!(answer.header("spillway-position"), token);
    assert_eq!(answer.header("cache-control"), "private, max-age=3600, immutable");

    let answer = world.get(&format!("/v1/commands/{refused}")).await.json();
    assert_eq!(answer["status"], "refused");
    assert_eq!(
        answer["refusal"],
        json!({
            "type": "/problems/out-of-stock", "code": "out-of-stock",
            "detail": "Line 1 could not be reserved.",
            "lines": [{"line": 1, "sku": "A", "reason": "out-of-stock", "available": 3}],
        })
    );

    let left_out = json!({"line": 2, "sku": "B", "reason": "unknown-sku"});
    let in_part = json!({
        "code": "partly-reserved", "detail": "The order is reserved without one line.",
        "lines": [{"line": 2, "sku": "B", "reason": "unknown-sku", "available": null}],
    });
    let partly = Uuid::from_u128(4);
    rows::outcome(&world.pool, partly, Some(in_part), &positions).await;
    let answer = world.get(&format!("/v1/commands/{partly}")).await.json();
    assert_eq!((&answer["status"], &answer["refusal"]), (&json!("done"), &json!(null)));
    assert_eq!(answer["order"]["refused_lines"], json!([left_out]));

    let unknown = world.get(&format!("/v1/commands/{}", Uuid::from_u128(3))).await;
    assert_eq!(unknown.problem(404, "unknown-command")["retry"], "safe");
    assert_eq!(unknown.header("retry-after"), "1");
    assert_eq!(world.get("/v1/commands/x?y=1").await.pointers(), ["/path/command_id", "/query/y"]);
    world.end().await;
}

#[tokio::test]
async fn every_fault_of_a_request_is_named_at_once() {
    let world = World::start().await;
    let faults = async |uri: &str| world.get(uri).await.pointers();

    assert_eq!(
        faults("/v1/orders?limit=0&status=lost&cursor=x&customer=c&customer_id=").await,
        ["/query/customer_id", "/query/status", "/query/cursor", "/query/limit", "/query/customer"]
    );
    for limit in ["-1", "ten", "", "1.5"] {
        assert_eq!(faults(&format!("/v1/products?limit={limit}")).await, ["/query/limit"]);
    }
    assert_eq!(faults("/v1/orders/o-1?verbose=true").await, ["/query/verbose"]);
    assert_eq!(faults("/v1/products/A?position=%25&x=1").await, ["/query/position", "/query/x"]);
    let header = world.get_with("/v1/orders/o-1?x=1", &[("spillway-position", "!")]).await;
    assert_eq!(header.pointers(), ["/header/Spillway-Position", "/query/x"]);
    world.end().await;
}

#[tokio::test]
async fn every_problem_type_leads_to_its_page() {
    let world = World::start().await;
    let problem = world.get("/v1/orders/o-2").await.problem(404, "unknown-order");
    let page = world.get(problem["type"].as_str().unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/plain"));
    assert!(page.text.starts_with("No such order\n"), "{}", page.text);

    let index = world.get("/problems").await;
    assert!(index.text.contains("/problems/out-of-stock "), "{}", index.text);
    world.get("/problems/none-of-ours").await.problem(404, "not-found");
    world.get("/v2/orders").await.problem(404, "not-found");
    world.end().await;
}
