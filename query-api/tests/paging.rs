//! Lists page by page: complete and without repeats, whatever is inserted in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use http::StatusCode;
use support::{World, eventually, rows};

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

    for (order, sku) in [("o-1", "A"), ("o-2", "A"), ("o-6", "A"), ("o-6", "B")] {
        rows::line(&world.pool, order, i32::from(sku == "B"), sku, None).await;
    }
    assert_eq!(list("sku=A").await, ["o-6", "o-2", "o-1"]);
    assert_eq!(list("sku=A&status=paid&customer_id=c+1/%C3%A4").await, ["o-6", "o-2"]);
    let between = "placed_from=2026-11-27T09:00:00.002Z&placed_before=2026-11-27T09:00:00.006Z";
    assert_eq!(list(between).await, ["o-5", "o-4", "o-3", "o-2"]);
    assert_eq!(list(&format!("{between}&sku=A")).await, ["o-2"]);

    // A cursor belongs to its filters, and to those who have its key.
    let page = world.get("/v1/orders?sku=A&limit=1").await;
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let refused = ["/query/cursor"];
    for query in ["", "sku=B&", "sku=A&status=paid&", "placed_from=2026-11-27T09:00:00Z&sku=A&"] {
        let answer = world.get(&format!("/v1/orders?{query}cursor={cursor}")).await;
        assert_eq!(answer.pointers(), refused, "{query}");
    }
    assert_eq!(world.get(&format!("/v1/orders?sku=A&cursor={cursor}&limit=7")).await.status, 200);
    let mut forged = cursor.into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'A' { b'Q' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let answer = world.get(&format!("/v1/orders?sku=A&cursor={forged}")).await;
    assert_eq!(answer.pointers(), refused);

    let page = world.get("/v1/orders?status=paid&limit=1").await;
    assert_eq!(page.json()["items"][0].get("lines"), None, "lists show no lines");
    assert_eq!(page.header("cache-control"), "private, max-age=0, must-revalidate");
    let tag = page.header("etag");
    let same = world.get_with("/v1/orders?status=paid&limit=1", &[("if-none-match", tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    world.end().await;
}

#[tokio::test]
async fn orders_of_a_finished_sale_are_found_whatever_was_sold_since() {
    let world = World::start().await;
    let pool = &world.pool;
    for (order, placed) in [("o-1", 1), ("o-2", 2)] {
        rows::order(pool, order, None, placed).await;
        rows::line(pool, order, 1, "SALE", None).await;
    }
    rows::line(pool, "o-2", 2, "SALE", None).await;
    for statement in [
        "INSERT INTO orders SELECT 'later-' || n, customer_id, currency, status, total_amount,
             payment_deadline, refund_due_amount, placed_at + n * interval '1 s', updated_at,
             version, source_partition
         FROM orders, generate_series(1, 20000) n WHERE order_id = 'o-2'",
        "INSERT INTO order_lines (order_id, line, sku, quantity)
         SELECT order_id, 1, 'LATER', 1 FROM orders WHERE order_id LIKE 'later-%'",
        "ANALYZE orders, order_lines",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    let read = async |index: &str| -> i64 {
        let read = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = $1";
        sqlx::query_scalar(read).bind(index).fetch_one(pool).await.unwrap()
    };
    let newest_before = read("orders_newest").await;
    let uri = "/v1/orders?sku=SALE&limit=1";
    assert_eq!(walk(&world, uri, "order_id", async |_| {}).await, ["o-2", "o-1"]);
    // A connection says what it did with a later query.
    eventually("the product's lines are read", async || {
        world.get(uri).await;
        read("order_lines_newest").await > 0
    })
    .await;
    let (lines, newest) = (read("order_lines_newest").await, read("orders_newest").await);
    assert!(lines < 10_000 && newest - newest_before < 10_000, "{lines} and {newest} entries");
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

#[tokio::test]
async fn products_are_found_by_words_and_stock() {
    let world = World::start().await;
    for (sku, name, reserved) in [
        ("TSHIRT-M-RED", "T-shirt, red", 5),
        ("TSHIRT-M-BLUE", "T-shirt, blue", 2),
        ("85123A", "White hanging heart T-light holder", 0),
        ("MUG-1", "Red mug", 0),
    ] {
        rows::product(&world.pool, sku, 5, reserved).await;
        sqlx::query("UPDATE products SET name = $2 WHERE sku = $1")
            .bind(sku)
            .bind(name)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    let find = async |query: &str| {
        walk(&world, &format!("/v1/products?limit=1&{query}"), "sku", async |_| {}).await
    };
    assert_eq!(find("q=red").await, ["MUG-1", "TSHIRT-M-RED"]);
    assert_eq!(find("q=SHIRT").await, ["TSHIRT-M-BLUE", "TSHIRT-M-RED"]);
    assert_eq!(find("q=shirt+-red").await, ["TSHIRT-M-BLUE"]);
    assert_eq!(find("q=mug+or+blue").await, ["MUG-1", "TSHIRT-M-BLUE"]);
    assert_eq!(find("q=%22hanging+heart%22").await, ["85123A"]);
    assert_eq!(find("q=85123a").await, ["85123A"]);
    assert_eq!(find("q=nothing").await, Vec::<String>::new());
    assert_eq!(find("q=red&in_stock=true").await, ["MUG-1"]);
    assert_eq!(find("in_stock=false").await, ["TSHIRT-M-RED"]);
    assert_eq!(find("in_stock=true").await, ["85123A", "MUG-1", "TSHIRT-M-BLUE"]);
    let faults = world.get("/v1/products?q=%27%26%21&in_stock=1").await;
    assert_eq!(faults.pointers(), ["/query/q", "/query/in_stock"]);

    // The search finds its index once there are rows enough for one.
    let mut connection = world.pool.acquire().await.unwrap();
    sqlx::query("SET enable_seqscan = off").execute(&mut *connection).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT sku FROM products
         WHERE to_tsvector('simple'::regconfig, name || ' ' || sku)
             @@ websearch_to_tsquery('simple'::regconfig, 'red')",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    drop(connection);
    assert!(plan.iter().any(|line| line.contains("products_words")), "{plan:?}");
    world.end().await;
}
