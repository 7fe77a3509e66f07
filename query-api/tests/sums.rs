//! Customers and sales: sums over partitions, page by page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use events::{Kind, position::to_token};
use http::StatusCode;
use serde_json::{Value, json};
use support::{World, eventually, rows};

/// A customer's sums in one partition: placed, paid and cancelled orders, and money.
async fn customer(world: &World, id: &str, partition: i32, counts: [i64; 3], spend: (&str, &str)) {
    sqlx::query(
        "INSERT INTO customers (customer_id, source_partition, placed, reserved, rejected, paid,
             shipped, cancelled, expired) VALUES ($1, $2, $3, 0, 0, $4, 0, $5, 0)",
    )
    .bind(id)
    .bind(partition)
    .bind(counts[0])
    .bind(counts[1])
    .bind(counts[2])
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::query("INSERT INTO customer_spend VALUES ($1, 'EUR', $2, $3::numeric, $4::numeric)")
        .bind(id)
        .bind(partition)
        .bind(spend.0)
        .bind(spend.1)
        .execute(&world.pool)
        .await
        .unwrap();
}

/// Sales of a product on a day in one partition, which are those of the day too.
async fn sale(world: &World, sku: &str, day: &str, currency: &str, partition: i32, amount: i64) {
    for statement in [
        "INSERT INTO sales_by_product VALUES ($1, $2::date, $3, $4, 1, 2, $5, 0, 0, 0)",
        "INSERT INTO sales_by_day AS s
         SELECT $2::date, $3, $4, 1, 2, $5::bigint, 0, 0, 0 WHERE $1::text IS NOT NULL
         ON CONFLICT (day, currency, source_partition) DO UPDATE SET orders = s.orders + 1,
             pieces = s.pieces + 2, amount = s.amount + $5",
    ] {
        sqlx::query(statement)
            .bind(sku)
            .bind(day)
            .bind(currency)
            .bind(partition)
            .bind(amount)
            .execute(&world.pool)
            .await
            .unwrap();
    }
}

/// The items on all pages from `uri` on, following the links.
async fn walk(world: &World, uri: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), Some(uri.to_owned()));
    while let Some(uri) = next {
        let answer = world.get(&uri).await;
        items.extend(answer.json()["items"].as_array().unwrap().iter().cloned());
        next = answer.next();
    }
    items
}

#[tokio::test]
async fn customers_and_sales_are_added_up_over_partitions() {
    let world = World::start().await;
    customers(&world).await;
    sales(&world).await;
    as_a_graph(&world).await;
    positions_and_parked_keys(&world).await;
    world.end().await;
}

async fn customers(world: &World) {
    // Far beyond 64 bits: sums are exact whatever their size.
    let much = "9223372036854775807";
    customer(world, "c 1", 0, [1, 2, 0], (much, "0")).await;
    customer(world, "c 1", 3, [0, 1, 2], (much, "7")).await;
    customer(world, "c-2", 1, [0, 0, 1], ("10", "10")).await;
    sqlx::query("INSERT INTO customers VALUES ('c-3', 0, 1, 0, 0, 0, 0, 0, 0)")
        .execute(&world.pool)
        .await
        .unwrap();

    let answer = world.get("/v1/customers/c%201").await;
    let expected = r#"{"customer_id":"c 1","orders":6,"orders_by_status":{"placed":1,"reserved":0,"rejected":0,"paid":3,"shipped":0,"cancelled":2,"expired":0},"spend":[{"currency":"EUR","amount":18446744073709551607,"paid":18446744073709551614,"refund_due":7}]}"#;
    assert_eq!(answer.text, expected);
    assert_eq!(answer.header("cache-control"), "private, max-age=0, must-revalidate");
    let tag = answer.header("etag");
    let same = world.get_with("/v1/customers/c%201", &[("if-none-match", tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    assert_eq!(world.get("/v1/customers/c-3").await.json()["spend"], json!([]));
    world.get("/v1/customers/nobody").await.problem(404, "unknown-customer");
    world.get("/v1/customers/c%00").await.problem(404, "unknown-customer");

    let items = walk(world, "/v1/customers?limit=2").await;
    let ids: Vec<&str> = items.iter().map(|item| item["customer_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["c 1", "c-2", "c-3"]);
    assert_eq!(items[1]["spend"][0]["amount"], 0);
    let faults = world.get("/v1/customers?limit=0&cursor=x&status=paid").await;
    assert_eq!(faults.pointers(), ["/query/cursor", "/query/limit", "/query/status"]);
}

async fn sales(world: &World) {
    for (sku, day, currency, partition, amount) in [
        ("A", "2026-11-26", "EUR", 0, 100),
        ("A", "2026-11-27", "EUR", 0, 30),
        ("A", "2026-11-27", "EUR", 1, 40),
        ("A", "2026-11-27", "USD", 1, 5),
        ("B", "2026-11-27", "EUR", 1, 1_000),
        ("C", "2026-11-28", "EUR", 2, 7),
    ] {
        sale(world, sku, day, currency, partition, amount).await;
    }
    sqlx::query(
        "UPDATE sales_by_day SET refunded_orders = 1, refunded_pieces = 2, refunded_amount = 9
         WHERE day = '2026-11-28'",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let days = async |query: &str| -> Vec<(String, i64)> {
        let items = walk(world, &format!("/v1/sales/days?limit=1&{query}")).await;
        let of = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = items.iter().map(|item| {
            (of(item, "day") + " " + &of(item, "currency"), item["amount"].as_i64().unwrap())
        });
        items.collect()
    };
    let day = |day: &str, amount: i64| (format!("2026-11-{day}"), amount);
    let all = [day("28 EUR", 7), day("27 USD", 5), day("27 EUR", 1_070), day("26 EUR", 100)];
    assert_eq!(days("").await, all);
    assert_eq!(days("currency=EUR").await, [all[0].clone(), all[2].clone(), all[3].clone()]);
    assert_eq!(days("from=2026-11-27&to=2026-11-27").await, all[1..3]);
    assert_eq!(days("sku=A&currency=EUR").await, [day("27 EUR", 70), day("26 EUR", 100)]);
    assert_eq!(days("from=2026-11-29").await, []);

    let answer = world.get("/v1/sales/days?from=2026-11-28").await;
    let expected = json!({"items": [{
        "day": "2026-11-28", "currency": "EUR", "orders": 1, "pieces": 2, "amount": 7,
        "refunded": {"orders": 1, "pieces": 2, "amount": 9}, "net_amount": -2,
    }]});
    assert_eq!(answer.json(), expected);
    let tag = answer.header("etag");
    let same = world.get_with("/v1/sales/days?from=2026-11-28", &[("if-none-match", tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);

    let products = async |query: &str| -> Vec<(String, i64)> {
        let items = walk(world, &format!("/v1/sales/products?limit=1&{query}")).await;
        let of = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = items.iter().map(|item| {
            (of(item, "sku") + " " + &of(item, "currency"), item["amount"].as_i64().unwrap())
        });
        items.collect()
    };
    let product = |product: &str, amount: i64| (product.to_owned(), amount);
    let (a, b) = (product("A EUR", 170), product("B EUR", 1_000));
    assert_eq!(products("").await, [a, product("A USD", 5), b.clone(), product("C EUR", 7)]);
    let of_27 = [product("A EUR", 70), product("A USD", 5), b.clone()];
    assert_eq!(products("from=2026-11-27&to=2026-11-27").await, of_27);
    assert_eq!(products("to=2026-11-27&from=2026-11-27&currency=EUR").await, [of_27[0].clone(), b]);

    let faults = world.get("/v1/sales/days?from=27.11.2026&currency=euro&day=1").await;
    assert_eq!(faults.pointers(), ["/query/from", "/query/currency", "/query/day"]);
    let faults = world.get("/v1/sales/products?from=2026-11-27&to=2026-11-26&sku=A").await;
    assert_eq!(faults.pointers(), ["/query/to", "/query/sku"]);
    // A cursor belongs to its list and its filters.
    let cursor = world.get("/v1/sales/days?limit=1").await.json()["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for uri in ["/v1/sales/products?", "/v1/sales/days?currency=EUR&", "/v1/customers?"] {
        let answer = world.get(&format!("{uri}cursor={cursor}")).await;
        assert_eq!(answer.pointers(), ["/query/cursor"], "{uri}");
    }
}

/// The same through the other door, with cursors of the same lists.
async fn as_a_graph(world: &World) {
    let data = world
        .graphql(
            r#"{ customer(id: "c 1") { id orderCount ordersByStatus { placed paid cancelled expired }
                     spend { currency amount paid refundDue } }
                 nobody: customer(id: "nobody") { id }
                 customers(first: 2) { nodes { id orderCount spend { paid } } pageInfo { hasNextPage } }
                 day: salesByDay(filter: { from: "2026-11-28" }) { nodes { day currency orderCount
                     pieces amount refunded { orderCount pieces amount } netAmount } }
                 salesByDay(sku: "A", filter: { currency: "EUR" }) { nodes { day amount } }
                 salesByProduct(filter: { from: "2026-11-27", to: "2026-11-27" }, first: 1) {
                     edges { cursor node { sku currency amount } } } }"#,
        )
        .await
        .data();
    let spend = json!([{"currency": "EUR", "amount": "18446744073709551607",
        "paid": "18446744073709551614", "refundDue": "7"}]);
    let by_status = json!({"placed": 1, "paid": 3, "cancelled": 2, "expired": 0});
    assert_eq!(
        data["customer"],
        json!({"id": "c 1", "orderCount": 6, "ordersByStatus": by_status, "spend": spend})
    );
    assert_eq!(data["nobody"], Value::Null);
    let nodes = &data["customers"]["nodes"];
    assert_eq!((&nodes[1]["id"], &nodes[1]["orderCount"]), (&json!("c-2"), &json!(1)));
    assert_eq!(data["customers"]["pageInfo"]["hasNextPage"], true);
    let refunded = json!({"orderCount": 1, "pieces": 2, "amount": "9"});
    assert_eq!(
        data["day"]["nodes"],
        json!([{"day": "2026-11-28", "currency": "EUR", "orderCount": 1, "pieces": 2,
            "amount": "7", "refunded": refunded, "netAmount": "-2"}])
    );
    assert_eq!(
        data["salesByDay"]["nodes"],
        json!([{"day": "2026-11-27", "amount": "70"}, {"day": "2026-11-26", "amount": "100"}])
    );
    let first = &data["salesByProduct"]["edges"][0];
    assert_eq!(first["node"], json!({"sku": "A", "currency": "EUR", "amount": "70"}));

    let (of_day, cursor) = ("from=2026-11-27&to=2026-11-27", first["cursor"].as_str().unwrap());
    let next = world.get(&format!("/v1/sales/products?{of_day}&limit=1&cursor={cursor}")).await;
    assert_eq!(next.json()["items"][0]["currency"], "USD", "the lists are the same");
    let wrong = r#"{ salesByDay(first: 0, after: "x", sku: "",
        filter: { currency: "euro", from: "2026-11-27", to: "2026-11-26" }) { nodes { day } } }"#;
    let refused = world.graphql(wrong).await.refused("invalid");
    let faults = refused["errors"].as_array().unwrap().iter();
    let mut pointers: Vec<&str> = faults.map(|fault| fault["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let arguments = ["after", "filter/currency", "filter/to", "first", "sku"];
    assert_eq!(pointers, arguments.map(|name| format!("/arguments/{name}")));
}

async fn positions_and_parked_keys(world: &World) {
    let topic = "orders.events.v1";
    let at = |link_sequence| rows::position(Kind::Orders, 2, link_sequence);
    let paths = ["/v1/customers/c-2", "/v1/customers", "/v1/sales/days", "/v1/sales/products"];
    for path in paths {
        let token = to_token(&[at(5)]);
        let behind = world.get_with(path, &[("spillway-position", &token)]).await;
        assert_eq!(behind.problem(425, "position-not-reached")["behind"], json!(["orders/2:0:5"]));
    }
    for projection in ["customers", "sales"] {
        rows::checkpoint(&world.pool, projection, topic, &at(5), true).await;
        rows::parked(&world.pool, projection, topic, "o-bad", &at(4)).await;
    }
    for path in paths {
        eventually("a sum tells that keys wait", async || {
            let token = to_token(&[at(5)]);
            let answer = world.get_with(path, &[("spillway-position", &token)]).await;
            answer.status == 200 && answer.headers.get("spillway-parked").is_some_and(|n| n == "1")
        })
        .await;
    }
    let unknown = world.get("/v1/customers/nobody").await;
    unknown.problem(404, "unknown-customer");
    assert_eq!(unknown.header("spillway-parked"), "1");

    // After a reset sums are small at first: they are judged by the marks that they were read with.
    let reset = "UPDATE checkpoints SET link_sequence = 0, chain = ''";
    sqlx::query(reset).execute(&world.pool).await.unwrap();
    for path in [&paths[..], &["/v1/customers/nobody"]].concat() {
        let token = to_token(&[at(5)]);
        let behind = world.get_with(path, &[("spillway-position", &token)]).await;
        behind.problem(425, "position-not-reached");
    }
}
