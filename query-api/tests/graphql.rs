//! GraphQL on a real PostgreSQL: what it answers, in how many statements, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{path::Path, time::Duration};

use events::{Kind, position::to_token};
use http::Method;
use query_api::http::{Graphql, GraphqlLimits};
use serde_json::{Value, json};
use support::{Choices, World, eventually, graphql, graphql::Asked, rows, tiers::Tiers};
use uuid::Uuid;

#[test]
fn the_schema_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let current = Graphql::new(GraphqlLimits::default()).sdl();
    if std::env::var_os("UPDATE_GRAPHQL").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == current,
        "schema.graphql differs from the fields; after an intended change run \
         UPDATE_GRAPHQL=1 cargo test -p query-api --test graphql the_schema_file_is_current and \
         review the difference"
    );
}

/// Two lines of three products in each of `count` orders.
async fn shop(world: &World, count: usize) {
    for sku in ["A", "B", "C"] {
        rows::product(&world.pool, sku, 10, 4).await;
    }
    for n in 0..count {
        let id = format!("o-{n}");
        rows::order(&world.pool, &id, Some("c-1"), i64::try_from(n).unwrap()).await;
        rows::line(&world.pool, &id, 1, ["A", "B"][n % 2], Some(1250)).await;
        rows::line(&world.pool, &id, 2, "C", None).await;
        rows::history(&world.pool, &id, 1, "OrderPlaced", json!({"n": n})).await;
    }
}

#[tokio::test]
async fn the_graph_answers_what_rest_does_page_by_page() {
    let world = World::start().await;
    shop(&world, 3).await;
    let command_id = Uuid::from_u128(7);
    let position = rows::position(Kind::Orders, 0, 3);
    rows::outcome(&world.pool, command_id, None, std::slice::from_ref(&position)).await;

    let all = "{ order(id: \"o-1\") { id customerId currency status total { amount currency }
        paymentDeadline refundDue { amount } placedAt updatedAt version parked { since }
        lines { line sku quantity unitPrice { amount currency } unitPriceMax { amount } refusal
            product { sku name price { amount } onHand reserved available version
                newestOrders(first: 1) { id } } }
        history { version type at record { topic partition offset linkSequence } body } } }";
    let data = world.graphql(all).await.data();
    assert_eq!(
        data["order"],
        json!({
            "id": "o-1", "customerId": "c-1", "currency": "EUR", "status": "RESERVED",
            "total": {"amount": 2500, "currency": "EUR"},
            "paymentDeadline": "2026-11-27T09:15:00.001Z", "refundDue": null,
            "placedAt": "2026-11-27T09:00:00.001Z", "updatedAt": "2026-11-27T09:00:00.001Z",
            "version": 2, "parked": null,
            "lines": [
                {"line": 1, "sku": "B", "quantity": 2,
                 "unitPrice": {"amount": 1250, "currency": "EUR"}, "unitPriceMax": null,
                 "refusal": null,
                 "product": {"sku": "B", "name": "T-shirt", "price": {"amount": 1250}, "onHand": 10,
                             "reserved": 4, "available": 6, "version": 5,
                             "newestOrders": [{"id": "o-1"}]}},
                {"line": 2, "sku": "C", "quantity": 2, "unitPrice": null, "unitPriceMax": null,
                 "refusal": null,
                 "product": {"sku": "C", "name": "T-shirt", "price": {"amount": 1250}, "onHand": 10,
                             "reserved": 4, "available": 6, "version": 5,
                             "newestOrders": [{"id": "o-2"}]}},
            ],
            "history": [
                {"version": 1, "type": "OrderPlaced", "at": "2026-11-27T09:00:00.001Z",
                 "record": {"topic": "orders.events.v1", "partition": 3, "offset": 101,
                            "linkSequence": 11},
                 "body": {"n": 1}},
            ],
        })
    );

    let page = "query($after: String) { orders(first: 2, after: $after, status: RESERVED,
        customerId: \"c-1\") { nodes { id } edges { cursor } pageInfo { hasNextPage endCursor } } }";
    let first = world.graphql(page).await.data()["orders"].clone();
    assert_eq!(first["nodes"], json!([{"id": "o-2"}, {"id": "o-1"}]));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(first["edges"][1]["cursor"], first["pageInfo"]["endCursor"]);
    let after = json!({"after": first["pageInfo"]["endCursor"]});
    let second = world.graphql_with(page, &after, &[]).await.data()["orders"].clone();
    assert_eq!(
        (&second["nodes"], &second["pageInfo"]["hasNextPage"]),
        (&json!([{"id": "o-0"}]), &json!(false))
    );
    // A cursor belongs to its list and its filters; those of REST are the same.
    let cursor = first["pageInfo"]["endCursor"].as_str().unwrap();
    let rest = format!("/v1/orders?customer_id=c-1&status=reserved&limit=2&cursor={cursor}");
    assert_eq!(world.get(&rest).await.json()["items"][0]["order_id"], "o-0");
    let foreign = format!("{{ orders(after: \"{cursor}\") {{ nodes {{ id }} }} }}");
    world.graphql(&foreign).await.refused("invalid");

    let some = format!(
        "{{ products(search: \"shirt\", inStock: true, first: 2) {{ nodes {{ sku }} }}
            none: product(sku: \"X\") {{ sku }} nobody: order(id: \"x\") {{ id }}
            never: order(id: \"x\", version: 9) {{ id }}
            command(id: \"{command_id}\") {{ command status resource version position
                order {{ total {{ amount }} }} refusal {{ code }} }}
            why: order(id: \"o-1\") {{ why {{ events {{ version type record {{ offset }} }}
                commands {{ command }} }} }} }}"
    );
    let data = world.graphql(&some).await.data();
    assert_eq!(data["products"]["nodes"], json!([{"sku": "A"}, {"sku": "B"}]));
    for absent in ["none", "nobody", "never"] {
        assert_eq!(data[absent], Value::Null);
    }
    assert_eq!(
        data["command"],
        json!({"command": "PlaceOrder", "status": "done", "resource": "/v1/orders/o%201",
               "version": 2, "position": to_token(&[position]),
               "order": {"total": {"amount": 2500}}, "refusal": null})
    );
    assert_eq!(data["why"]["why"]["events"][0]["record"]["offset"], 101);

    let by_get = world.get("/graphql?query=%7Border(id:%22o-1%22)%7Bid%7D%7D").await;
    assert_eq!(by_get.json(), json!({"data": {"order": {"id": "o-1"}}}));
    assert_eq!(by_get.header("vary"), "Accept, Spillway-Position");
    world.end().await;
}

#[tokio::test]
async fn a_list_with_all_that_hangs_on_it_is_read_with_a_statement_for_each_depth() {
    let world = World::start().await;
    shop(&world, 40).await;
    // Sessions that begin from now on.
    sqlx::query("ALTER ROLE CURRENT_USER SET log_statement = 'all'")
        .execute(&world.pool)
        .await
        .unwrap();
    let deep = "{ orders(first: 40) { nodes { id lines { sku product { available
        newestOrders(first: 3) { id lines { sku } } } } history { version } } } }";
    for (tiers, expected) in [(Tiers::default(), 5), (Tiers::memory(), 5)] {
        let is_kept = tiers.listens;
        let url = world.stack().postgres_url();
        let process = World::another(&url, "", Choices { tiers, ..Choices::default() });
        process.until_ready(true).await;
        let before = statements(&world);
        let data = process.graphql(deep).await.data();
        let nodes = data["orders"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 40);
        assert_eq!(nodes[0]["lines"][0]["product"]["newestOrders"][2]["lines"][1]["sku"], "C");
        // The page with its lines; products; their newest orders; the lines of those; histories.
        assert_eq!(statements(&world) - before, expected);

        let many: String =
            (0..40).map(|n| format!("o{n}: order(id: \"o-{n}\") {{ status }} ")).collect();
        let before = statements(&world);
        let data = process.graphql(&format!("{{ {many} }}")).await.data();
        assert_eq!(data.as_object().unwrap().len(), 40);
        assert_eq!(statements(&world) - before, 1);
        // What is kept costs none, once the process listens to what changes.
        eventually("as few statements as there must be", async || {
            let before = statements(&world);
            let both = "{ product(sku: \"A\") { name } order(id: \"o-7\") { id } }";
            process.graphql(both).await.data();
            statements(&world) - before == if is_kept { 0 } else { 2 }
        })
        .await;
        process.end().await;
    }
    world.end().await;
}

/// How many statements have read rows of orders and products, as PostgreSQL says.
fn statements(world: &World) -> usize {
    let log = std::fs::read_to_string(world.stack().logs().join("postgres.log")).unwrap();
    let records = log.split("LOG:  ").filter(|record| record.starts_with("execute"));
    let tables =
        ["orders o", "products p", "FROM products WHERE", "AS wanted", "FROM order_history"];
    records.filter(|record| tables.iter().any(|table| record.contains(table))).count()
}

#[tokio::test]
async fn a_request_never_shows_less_than_its_position() {
    let wait = Duration::from_millis(100);
    let world = World::with(Choices { wait, ..Choices::default() }).await;
    shop(&world, 1).await;
    let position = rows::position(Kind::Orders, 0, 7);
    let token = to_token(std::slice::from_ref(&position));
    let query = "{ order(id: \"o-0\") { status } product(sku: \"A\") { sku } }";
    let header =
        async || world.graphql_with(query, &Value::Null, &[("spillway-position", &token)]).await;

    let early = header().await.body();
    // What the position does not concern is answered beside it.
    assert_eq!(early["data"], json!({"order": null, "product": {"sku": "A"}}));
    let error = &early["errors"][0];
    assert_eq!(
        (&error["path"], &error["extensions"]["code"]),
        (&json!(["order"]), &json!("position-not-reached"))
    );
    assert_eq!(error["extensions"]["behind"], json!(["orders/0:0:7"]));
    assert_eq!(error["extensions"]["type"], "/problems/position-not-reached");
    assert_eq!(
        (&error["extensions"]["status"], &error["extensions"]["retryAfter"]),
        (&json!(425), &json!(1))
    );
    let extension = json!({"query": query, "extensions": {"position": token}});
    let by_extension = Asked::of(world.post("/graphql", &extension, &[]).await).body();
    assert_eq!(by_extension["errors"][0]["extensions"]["code"], "position-not-reached");
    let unreadable = json!({"query": query, "extensions": {"position": "%"}});
    let unreadable = world.post("/graphql", &unreadable, &[]).await;
    assert_eq!(unreadable.pointers(), ["/extensions/position"]);

    rows::checkpoint(&world.pool, "orders", "orders.events.v1", &position, true).await;
    eventually("the order is shown", async || {
        header().await.body()["data"]["order"]["status"] == "RESERVED"
    })
    .await;

    // Behind a dead letter: shown as before without a position, and not at all with one.
    rows::parked(&world.pool, "orders", "orders.events.v1", "o-0", &position).await;
    let parked = "{ order(id: \"o-0\") { id parked { linkSequence } } }";
    let asked = world.graphql(parked).await;
    assert_eq!(asked.answer.header("spillway-parked"), "1");
    assert_eq!(asked.data()["order"]["parked"]["linkSequence"], 7);
    assert_eq!(header().await.body()["errors"][0]["extensions"]["code"], "parked");
    world.end().await;
}

#[tokio::test]
async fn what_asks_too_much_or_cannot_be_understood_is_refused() {
    let limits = GraphqlLimits { introspection: false, ..GraphqlLimits::default() };
    let world = World::with(Choices { graphql: limits, ..Choices::default() }).await;
    let refused = async |query: &str, code: &str| world.graphql(query).await.refused(code);
    refused("{ nothing }", "invalid").await;
    refused("{ order(id: \"o-1\") { id }", "invalid").await;
    refused("{ orders(placedFrom: \"yesterday\") { nodes { id } } }", "invalid").await;
    refused("mutation { __typename }", "invalid").await;
    // Without introspection the schema is not there.
    let schema = world.graphql("{ __schema { types { name } } }").await.data();
    assert_eq!(schema, json!({"__schema": null}));
    let deep = format!(
        "{{ order(id: \"o\") {{ {} id {} }} }}",
        "lines { product { newestOrders { ".repeat(5),
        "} } }".repeat(5)
    );
    refused(&deep, "query-too-complex").await;
    let wide = "{ products(first: 200) { nodes { newestOrders(first: 50) { id } } } }";
    refused(wide, "query-too-complex").await;
    let nested = format!("{{ order(id: {}", "[".repeat(50_000));
    refused(&nested, "query-too-complex").await;
    let faults =
        refused("{ orders(first: 0, sku: \"\", after: \"x\") { nodes { id } } }", "invalid").await;
    let pointers: Vec<_> =
        faults["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!(pointers, ["/arguments/sku", "/arguments/first", "/arguments/after"]);

    // The status belongs to clients that know it.
    let plain = world.graphql("{ nothing }").await.answer;
    assert_eq!((plain.status.as_u16(), plain.header("content-type")), (200, "application/json"));
    let accept = [("accept", "application/graphql-response+json, application/json;q=0.9")];
    let told = world.graphql_with("{ nothing }", &Value::Null, &accept).await.answer;
    assert_eq!(
        (told.status.as_u16(), told.header("content-type")),
        (400, "application/graphql-response+json")
    );
    assert!(!told.text.contains("\"data\""), "{}", told.text);

    let body = json!({"query": "{ order(id: \"x\") { id } }"});
    world.post("/graphql", &json!([body]), &[]).await.problem(400, "invalid");
    let large = json!({"query": " ".repeat(300_000)});
    world.post("/graphql", &large, &[]).await.problem(413, "too-large");
    let text = [("content-type", "text/plain")];
    world.post("/graphql", &body, &text).await.problem(415, "unsupported-media-type");
    assert_eq!(world.get("/graphql?qery=x").await.pointers(), ["/query/qery"]);
    assert_eq!(world.get("/graphql").await.pointers(), ["/query/query"]);
    world.ask(Method::DELETE, "/graphql", &[]).await.problem(405, "method-not-allowed");

    let html = [("accept", "text/html")];
    assert_eq!(world.get_with("/graphql", &html).await.pointers(), ["/query/query"]);
    let playground = GraphqlLimits { playground: true, ..GraphqlLimits::default() };
    let url = world.stack().postgres_url();
    let open = World::another(&url, "", Choices { graphql: playground, ..Choices::default() });
    let page = open.get_with("/graphql", &html).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(!page.text.contains("https://"), "the page loads from elsewhere");
    let types = open.graphql(graphql::INTROSPECTION).await.data();
    assert!(types["__schema"]["types"].as_array().unwrap().len() > 20);
    open.end().await;

    // PostgreSQL is away: the field says so.
    world.stack().postgres().kill().await;
    let away = world.graphql("{ order(id: \"o-1\") { id } }").await.body();
    assert_eq!(away["errors"][0]["extensions"]["code"], "unavailable");
    assert_eq!(away["errors"][0]["extensions"]["retry"], "safe");
    world.end().await;
}
