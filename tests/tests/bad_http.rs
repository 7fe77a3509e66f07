//! Every bad request gets its exact problem, and none disturbs the others.

use std::time::Duration;

use anyhow::Context as _;
use events::{Kind, Topic, command::Parameters, profile::Profile};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use spillway_tests::{Answer, CURRENCY, Client, System, SystemOptions, order_body, until};

/// Long enough for every payment here, short enough to be waited for.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_bad_request_gets_its_problem_and_the_system_goes_on() -> anyhow::Result<()> {
    let payment_deadline_ms = i64::try_from(DEADLINE.as_millis())?;
    let parameters = Parameters { payment_deadline_ms, ..Profile::LOCAL.parameters() };
    let system = System::start(SystemOptions { parameters, ..SystemOptions::default() }).await?;
    let client = system.client()?;
    client.stock("A", 500, 50).await?;
    let late = client.place("o-late", &[("A", 1)]).await?.is(201);

    what_needs_no_look_at_the_data_never_reaches_the_log(&system, &client).await?;
    a_key_is_good_for_one_body(&client).await?;
    a_command_on_nothing_finds_nothing(&client).await?;
    a_product_keeps_its_rules(&client).await?;
    an_order_keeps_its_rules(&client).await?;
    a_payment_after_the_deadline_is_refused(&client, &late).await?;

    let placed = client.place("o-afterwards", &[("A", 2)]).await?.is(201);
    let paid = client.pay("o-afterwards", &placed).await?.is(200);
    let shown = client.get_after(&paid, "/v1/orders/o-afterwards").await?.is(200);
    assert_eq!(shown.body["status"], "paid");
    system.settle().await?;
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("dead_letters"), 0);
    system.stop().await
}

/// A bad request: what it is, the request, and the pointers of `errors` that name what is wrong.
struct Bad {
    what: &'static str,
    request: RequestBuilder,
    pointers: Vec<&'static str>,
}

async fn what_needs_no_look_at_the_data_never_reaches_the_log(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let before = appended(system).await?;
    let mut surprises = Vec::new();
    for Bad { what, request, pointers } in
        malformed(client).into_iter().chain(out_of_bounds(client))
    {
        let problem = Answer::to(request).await.context(what)?.is_problem(400, "invalid");
        let errors = problem.body["errors"].as_array().into_iter().flatten();
        let found: Vec<&str> = errors.filter_map(|error| error["pointer"].as_str()).collect();
        if found != pointers {
            surprises.push(format!("{what}: {}", problem.body));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let text = client.post("/v1/orders").header("idempotency-key", "text").body("a ticket, please");
    let _ = Answer::to(text.header("content-type", "text/plain"))
        .await?
        .is_problem(415, "unsupported-media-type");
    // A client that still writes when the connection is closed may miss the answer (RFC 9112, 9.6).
    let huge = until("a body that is too large is told so", async || {
        let huge = client.post("/v1/orders").header("idempotency-key", "huge");
        let huge = huge.header("content-type", "application/json").body(vec![b' '; 2 << 20]);
        Answer::to(huge).await
    });
    let huge = huge.await?.is_problem(413, "too-large");
    // Else the next request on this connection might get no answer.
    assert_eq!(huge.header("connection"), "close");
    let _ = Answer::to(client.post("/v1/nothing")).await?.is_problem(404, "not-found");
    assert_eq!(appended(system).await?, before);
    Ok(())
}

/// Requests whose form is wrong.
fn malformed(client: &Client) -> Vec<Bad> {
    let raw = |what, body: &str, pointers| {
        let request = client.post("/v1/orders").header("idempotency-key", what);
        let request = request.header("content-type", "application/json").body(body.to_owned());
        Bad { what, request, pointers }
    };
    let order = order_body("o-bad", &[("A", 1)]);
    let keyed = |what, key: Option<&str>| {
        let request = client.post("/v1/orders").json(&order);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        Bad { what, request, pointers: vec!["/header/Idempotency-Key"] }
    };
    let conditional = client.post("/v1/orders/o-bad/cancellation").header("if-match", "3");
    let conditional = conditional.header("idempotency-key", "k").json(&json!({"reason": "x"}));
    vec![
        raw("malformed JSON", "{\"currency\": \"EUR\", \"lines\": [", vec!["/lines"]),
        raw("no body", "", vec![""]),
        raw(
            "an unknown field",
            "{\"currency\":\"EUR\",\"lines\":[{\"sku\":\"A\",\"quantity\":1,\"colour\":\"red\"}]}",
            vec!["/lines/0/colour"],
        ),
        raw(
            "a quantity in words",
            "{\"currency\":\"EUR\",\"lines\":[{\"sku\":\"A\",\"quantity\":\"one\"}]}",
            vec!["/lines/0/quantity"],
        ),
        raw(
            "a quantity beyond every integer",
            "{\"currency\":\"EUR\",\"lines\":[{\"sku\":\"A\",\"quantity\":1e30}]}",
            vec!["/lines/0/quantity"],
        ),
        keyed("no key", None),
        keyed("an empty key", Some("")),
        keyed("an empty quoted key", Some("\"\"")),
        keyed("a key too long", Some("k".repeat(129).as_str())),
        Bad { what: "a bare version", request: conditional, pointers: vec!["/header/If-Match"] },
    ]
}

/// Requests whose values break a bound.
fn out_of_bounds(client: &Client) -> Vec<Bad> {
    let post = |what, path: &str, body: Value, pointers| {
        let request = client.post(path).header("idempotency-key", what).json(&body);
        Bad { what, request, pointers }
    };
    let quantity = |what, quantity: i64| {
        post(what, "/v1/orders", order_body("o-bad", &[("A", quantity)]), vec!["/lines/0/quantity"])
    };
    let price = json!({"amount": 0, "currency": "euro"});
    vec![
        quantity("a quantity of zero", 0),
        quantity("a negative quantity", -1),
        quantity("a huge quantity", 1_000_001),
        quantity("the hugest quantity", i64::MAX),
        post("no lines", "/v1/orders", order_body("o-bad", &[]), vec!["/lines"]),
        post("1,001 lines", "/v1/orders", order_body("o-bad", &[("A", 1); 1_001]), vec!["/lines"]),
        post(
            "everything at once",
            "/v1/products",
            json!({"sku": "no spaces", "name": "", "price": price}),
            vec!["/sku", "/name", "/price/amount", "/price/currency"],
        ),
        post(
            "a delivery of nothing",
            "/v1/products/A/receipts",
            json!({"reference": "DN-0", "quantity": 0}),
            vec!["/quantity"],
        ),
    ]
}

async fn a_key_is_good_for_one_body(client: &Client) -> anyhow::Result<()> {
    let _ = client.place("o-key", &[("A", 1)]).await?.is(201);
    let other = order_body("o-key", &[("A", 2)]);
    let reused = client.command("/v1/orders", "place o-key", &other).await?;
    let _ = reused.is_problem(422, "key-reused");
    // The first body still has its answer, and another key meets the order that is there.
    assert_eq!(
        client.place("o-key", &[("A", 1)]).await?.is(201).header("idempotency-replayed"),
        "true"
    );
    let taken = client.command("/v1/orders", "place o-key again", &other).await?;
    let _ = taken.is_problem(409, "order-exists");
    Ok(())
}

async fn a_command_on_nothing_finds_nothing(client: &Client) -> anyhow::Result<()> {
    let _ = client.receive("NOTHING", "DN-N", 1).await?.is_problem(404, "unknown-sku");
    let _ = client.ship("o-nothing").await?.is_problem(404, "unknown-order");
    let _ = client.cancel("o-nothing").await?.is_problem(404, "unknown-order");
    let unknown = client.place("o-unknown-sku", &[("NOTHING", 1)]).await?;
    let unknown = unknown.is_problem(409, "unknown-sku");
    assert_eq!(unknown.body["lines"][0]["sku"], "NOTHING");
    Ok(())
}

async fn a_product_keeps_its_rules(client: &Client) -> anyhow::Result<()> {
    let dollars = json!({"amount": 500, "currency": "USD"});
    let body = json!({"sku": "A", "name": "Another A", "price": dollars});
    let other = client.command("/v1/products", "another A", &body).await?;
    let _ = other.is_problem(409, "already-registered");
    let price =
        client.command("/v1/products/A/price", "dollars", &json!({"price": dollars})).await?;
    let _ = price.is_problem(409, "currency-mismatch");
    let mut body = order_body("o-dollars", &[("A", 1)]);
    body["currency"] = json!("USD");
    let order = client.command("/v1/orders", "order in dollars", &body).await?;
    let _ = order.is_problem(409, "currency-mismatch");
    let body = json!({"reference": "first of A", "quantity": 51});
    let note = client.command("/v1/products/A/receipts", "another delivery", &body).await?;
    let _ = note.is_problem(409, "reference-reused");
    let body = json!({"quantity": -1_000, "reason": "a flood"});
    let loss = client.command("/v1/products/A/adjustments", "a flood", &body).await?;
    let _ = loss.is_problem(409, "below-reserved");
    Ok(())
}

async fn an_order_keeps_its_rules(client: &Client) -> anyhow::Result<()> {
    let scarce = client.place("o-too-many", &[("A", 1_000)]).await?.is_problem(409, "out-of-stock");
    assert!(scarce.body["lines"][0]["available"].is_i64(), "{}", scarce.body);
    let placed = client.place("o-rules", &[("A", 2)]).await?.is(201);
    let _ = client.ship("o-rules").await?.is_problem(409, "not-paid");
    let pay = async |key: &str, amount: i64, currency: &str, tag: &str| {
        let body = json!({"reference": key, "amount": amount, "currency": currency});
        let request = client.post("/v1/orders/o-rules/payment").header("idempotency-key", key);
        Answer::to(request.header("if-match", tag).json(&body)).await
    };
    let tag = placed.header("etag");
    let _ = pay("a cent less", 999, CURRENCY, tag).await?.is_problem(409, "wrong-amount");
    let _ = pay("in dollars", 1_000, "USD", tag).await?.is_problem(409, "wrong-amount");
    let _ = pay("too early", 1_000, CURRENCY, "\"1\"").await?.is_problem(412, "stale-version");
    let _ = pay("exactly", 1_000, CURRENCY, tag).await?.is(200);
    let _ = pay("once more", 1_000, CURRENCY, "*").await?.is_problem(409, "already-paid");
    // A shipment that was refused stays refused under its key: the wish comes under a new one.
    let _ = client.ship("o-rules").await?.is_problem(409, "not-paid");
    let ship = async |key: &str| {
        client.command("/v1/orders/o-rules/shipment", key, &json!({"reference": "parcel"})).await
    };
    let _ = ship("now that it is paid").await?.is(200);
    let _ = client.cancel("o-rules").await?.is_problem(409, "already-shipped");
    let _ = ship("twice").await?.is_problem(409, "already-shipped");
    Ok(())
}

async fn a_payment_after_the_deadline_is_refused(
    client: &Client,
    late: &Answer,
) -> anyhow::Result<()> {
    until("the deadline has passed", async || {
        let shown = client.get("/v1/orders/o-late").await?.is(200);
        anyhow::ensure!(shown.body["status"] == "expired", "{}", shown.body);
        Ok(())
    })
    .await?;
    let refused = client.pay("o-late", late).await?.is_problem(409, "expired");
    assert_eq!(refused.body["order_status"], "expired");
    // Every other order of this test that was left unpaid goes the same way, before it is verified.
    until("no order waits for its payment", async || {
        let waiting = client.get("/v1/orders?status=reserved").await?.is(200);
        anyhow::ensure!(waiting.body["items"] == json!([]), "{}", waiting.body);
        Ok(())
    })
    .await
}

/// Records of the command log, without the Ticks that shards write at any time.
async fn appended(system: &System) -> anyhow::Result<usize> {
    let tick = events::Command::from(events::command::Tick {}).to_single_object();
    let orders = system.log.read_topic(Topic::Commands(Kind::Orders)).await?;
    let products = system.log.read_topic(Topic::Commands(Kind::Products)).await?;
    let records = orders.iter().chain(&products);
    Ok(records.filter(|record| record.value() != Some(tick.as_ref())).count())
}
