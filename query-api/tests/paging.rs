//! Lists page by page: complete and without repeats, whatever is inserted in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use http::StatusCode;
use support::{World, rows};

/// The ids on all pages from `uri` on, following the links; `between` runs after each page.
async fn walk(
    world: &World,
    uri: &str,
    id: &str,
    mut between: impl AsyncFnMut(usize),
) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(uri.to_owned());
    let mut pages = 0;
    while let Some(uri) = next {
        let answer = world.get(&uri).await;
        let page = answer.json();
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item[id].as_str().unwrap().to_owned()));
        next = answer.next();
        assert_eq!(next.is_some(), page.get("next_cursor").is_some());
        pages += 1;
        between(pages).await;
    }
    ids
}

#[tokio::test]
async fn orders_come_newest_first_complete_and_once_while_others_are_placed() {
    let world = World::start().await;
    // Several in each millisecond, so that pages end in the middle of one.
    for n in 0..23 {
        rows::order(&world.pool, &format!("o-{n:02}"), Some("c-1"), n / 4).await;
    }
    let expected: Vec<String> = (0..23).rev().map(|n| format!("o-{n:02}")).collect();

    let insert = async |page: usize| {
        rows::order(&world.pool, &format!("new-{page}"), Some("c-1"), 1_000).await;
        // This one falls among rows that were shown already: it is missed, not shown twice.
        rows::order(&world.pool, &format!("p-{page}"), Some("c-1"), 5).await;
    };
    let seen = walk(&world, "/v1/orders?limit=5", "order_id", insert).await;
    let known: Vec<_> = seen.iter().filter(|id| id.starts_with("o-")).cloned().collect();
    assert_eq!(known, expected);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "no order twice");
    world.end().await;
}

#[tokio::test]
async fn filters_hold_on_every_page() {
    let world = World::start().await;
    for n in 0..9 {
        let customer = if n % 2 == 0 { Some("c 1/ä") } else { None };
        rows::order(&world.pool, &format!("o-{n}"), customer, n).await;
    }
    sqlx::query("UPDATE orders SET status = 'paid' WHERE order_id IN ('o-2', 'o-6', 'o-7')")
        .execute(&world.pool)
        .await
        .unwrap();
    let list = async |query: &str| {
        walk(&world, &format!("/v1/orders?limit=1&{query}"), "order_id", async |_| {}).await
    };

    assert_eq!(list("customer_id=c%201%2F%C3%A4").await, ["o-8", "o-6", "o-4", "o-2", "o-0"]);
    assert_eq!(list("status=paid").await, ["o-7", "o-6", "o-2"]);
    assert_eq!(list("status=paid&customer_id=c+1/%C3%A4").await, ["o-6", "o-2"]);
    assert_eq!(list("status=shipped").await, Vec::<String>::new());

    let page = world.get("/v1/orders?status=paid&limit=1").await;
    assert_eq!(page.json()["items"][0].get("lines"), None, "lists show no lines");
    assert_eq!(page.header("cache-control"), "private, max-age=0, must-revalidate");
    let tag = page.header("etag");
    let same = world.get_with("/v1/orders?status=paid&limit=1", &[("if-none-match", tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    world.end().await;
}

#[tokio::test]
async fn products_come_by_sku_and_pages_have_50_rows_unless_asked_and_at_most_200() {
    let world = World::start().await;
    sqlx::query(
        "INSERT INTO products (sku, name, price_amount, currency, on_hand, reserved,
            registered_at, updated_at, version, source_partition)
         SELECT 'S-' || lpad(n::text, 3, '0'), 'name', 1, 'EUR', 5, 5, now(), now(), 1, 0
         FROM generate_series(0, 249) n",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let expected: Vec<String> = (0..250).map(|n| format!("S-{n:03}")).collect();

    assert_eq!(walk(&world, "/v1/products", "sku", async |_| {}).await, expected);
    assert_eq!(walk(&world, "/v1/products?limit=7", "sku", async |_| {}).await, expected);
    let rows = async |uri| world.get(uri).await.json()["items"].as_array().unwrap().len();
    assert_eq!(rows("/v1/products").await, 50);
    assert_eq!(rows("/v1/products?limit=100000").await, 200);

    let cursor = world.get("/v1/products").await.json()["next_cursor"].as_str().unwrap().to_owned();
    let other = world.get(&format!("/v1/orders?cursor={cursor}")).await;
    assert_eq!(other.pointers(), ["/query/cursor"], "a cursor fits only its own list");
    world.end().await;
}
