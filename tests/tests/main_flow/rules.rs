//! What is refused, repeated, called off or late.

use anyhow::Context as _;
use serde_json::json;
use spillway_tests::{Answer, CURRENCY, Client, order_body, until};

pub(crate) async fn a_repeat_gets_the_stored_answer(client: &Client) -> anyhow::Result<()> {
    let first = client.place("o-repeat", &[("TICKET-A", 1)]).await?.is(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let _ = client.pay("o-repeat", &first).await?.is(200);
    // The stored answer, although the order has moved on; and a key may be quoted.
    let again = client.post("/v1/orders").header("idempotency-key", "\"place o-repeat\"");
    let again = Answer::to(again.json(&order_body("o-repeat", &[("TICKET-A", 1)]))).await?.is(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((&again.body, again.header("etag")), (&first.body, first.header("etag")));
    assert_eq!(
        (again.header("location"), again.position()?),
        ("/v1/orders/o-repeat", first.position()?)
    );

    // Without an id of the client's the key alone makes the repeat the same order.
    let body = json!({"currency": CURRENCY, "lines": [{"sku": "TICKET-A", "quantity": 1}]});
    let first = client.command("/v1/orders", "an order without an id", &body).await?.is(201);
    let again = client.command("/v1/orders", "an order without an id", &body).await?.is(201);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    Ok(())
}

pub(crate) async fn a_stale_version_changes_nothing(client: &Client) -> anyhow::Result<()> {
    let registered = client.register("VERSIONED", 100).await?.is(201);
    let price = |amount: i64| json!({"price": {"amount": amount, "currency": CURRENCY}});
    let change = async |key: &str, tag: &str, amount: i64| {
        let request = client.post("/v1/products/VERSIONED/price").header("idempotency-key", key);
        Answer::to(request.header("if-match", tag).json(&price(amount))).await
    };
    let changed = change("to 110", registered.header("etag"), 110).await?.is(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let stale = change("to 120", registered.header("etag"), 120).await?;
    let stale = stale.is_problem(412, "stale-version");
    assert_eq!(stale.header("etag"), "\"2\"");
    let product = client.get_after(&stale, "/v1/products/VERSIONED").await?.is(200);
    assert_eq!(
        (&product.body["price"]["amount"], &product.body["version"]),
        (&json!(110), &json!(2))
    );
    Ok(())
}

pub(crate) async fn a_rejected_order_names_its_refused_lines(
    client: &Client,
) -> anyhow::Result<()> {
    client.stock("SCARCE", 250, 5).await?;
    let lines = [("TICKET-A", 1), ("SCARCE", 6), ("NEVER-HEARD-OF", 1)];
    let rejected = client.place("o-rejected", &lines).await?.is(409);
    assert_eq!(rejected.header("content-type"), "application/problem+json");
    let refused = rejected.body["lines"].as_array().context("no lines")?;
    assert!(refused.contains(&json!(
        {"line": 2, "sku": "SCARCE", "reason": "out-of-stock", "available": 5}
    )));
    assert!(
        refused.contains(&json!({"line": 3, "sku": "NEVER-HEARD-OF", "reason": "unknown-sku"}))
    );
    assert_eq!(refused.len(), 2, "{}", rejected.body);
    assert_eq!(rejected.code(), refused[0]["reason"]);
    assert_eq!(rejected.body["order_status"], "rejected");
    let shown = client.get_after(&rejected, "/v1/orders/o-rejected").await?.is(200);
    assert_eq!(shown.body["status"], "rejected");
    assert_eq!(shown.body["lines"][1]["refusal"], "out-of-stock");
    let _ = client.cancel("o-rejected").await?.is_problem(409, "rejected");
    // Nothing is held for it in the end.
    until("the stock that was held beside a refused line is free", async || {
        let product = client.get("/v1/products/SCARCE").await?.is(200);
        anyhow::ensure!(product.body["available"] == 5, "{}", product.body);
        Ok(())
    })
    .await
}

pub(crate) async fn a_price_above_the_limit_of_its_line_is_refused(
    client: &Client,
) -> anyhow::Result<()> {
    client.stock("DEAR", 1_000, 5).await?;
    let body = json!({"price": {"amount": 1_100, "currency": CURRENCY}});
    let _ = client.command("/v1/products/DEAR/price", "dearer", &body).await?.is(200);
    let mut body = order_body("o-dear", &[("DEAR", 1)]);
    body["lines"][0]["unit_price_max"] = json!(1_000);
    let refused = client.command("/v1/orders", "place o-dear", &body).await?;
    let refused = refused.is_problem(409, "price-changed");
    let line = json!({"line": 1, "sku": "DEAR", "reason": "price-changed"});
    assert_eq!(refused.body["lines"], json!([line]));
    let mut body = order_body("o-dear-enough", &[("DEAR", 1)]);
    body["lines"][0]["unit_price_max"] = json!(1_100);
    let placed = client.command("/v1/orders", "place o-dear-enough", &body).await?.is(201);
    assert_eq!(placed.body["total"]["amount"], 1_100);
    Ok(())
}

pub(crate) async fn a_cancelled_order_gives_its_stock_back(client: &Client) -> anyhow::Result<()> {
    client.stock("RETURNED", 300, 4).await?;
    let _ = client.place("o-called-off", &[("RETURNED", 1)]).await?.is(201);
    let cancelled = client.cancel("o-called-off").await?.is(200);
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!(cancelled.body.get("refund_due"), None);

    let placed = client.place("o-refunded", &[("RETURNED", 3)]).await?.is(201);
    let _ = client.pay("o-refunded", &placed).await?.is(200);
    let cancelled = client.cancel("o-refunded").await?.is(200);
    let refund = json!({"amount": 900, "currency": CURRENCY});
    assert_eq!(cancelled.body["refund_due"], refund);
    let shown = client.get_after(&cancelled, "/v1/orders/o-refunded").await?.is(200);
    assert_eq!((&shown.body["status"], &shown.body["refund_due"]), (&json!("cancelled"), &refund));
    until("the cancelled orders' stock is free", async || {
        let product = client.get("/v1/products/RETURNED").await?.is(200);
        anyhow::ensure!(product.body["available"] == 4, "{}", product.body);
        Ok(())
    })
    .await
}

/// Placed first, so that its deadline passes while the rest goes on.
pub(crate) async fn late_order_is_reserved(client: &Client) -> anyhow::Result<Answer> {
    client.stock("LATE", 700, 3).await?;
    Ok(client.place("o-late", &[("LATE", 2)]).await?.is(201))
}

pub(crate) async fn an_order_that_is_not_paid_expires(
    client: &Client,
    late: &Answer,
) -> anyhow::Result<()> {
    let expired = until("the order has expired", async || {
        let shown = client.get("/v1/orders/o-late").await?.is(200);
        anyhow::ensure!(shown.body["status"] == "expired", "{}", shown.body);
        Ok(shown)
    })
    .await?;
    assert_eq!(expired.body["version"], 3);
    let _ = client.pay("o-late", late).await?.is_problem(409, "expired");
    until("the expired order's stock is free", async || {
        let product = client.get("/v1/products/LATE").await?.is(200);
        anyhow::ensure!(product.body["available"] == 3, "{}", product.body);
        Ok(())
    })
    .await
}
