//! Bad requests: each gets its problem with everything that is wrong, and nothing is appended.

mod support;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use support::{Answered, Bench, order};

async fn refused(path: &str, body: &Value) -> Answered {
    let bench = Bench::willing();
    let answered = bench.post(path, body).await;
    assert!(bench.taken().is_empty(), "nothing may be appended");
    answered
}

async fn sent(request: Request<Body>) -> Answered {
    let bench = Bench::willing();
    let answered = bench.send(request).await;
    assert!(bench.taken().is_empty(), "nothing may be appended");
    answered
}

fn raw(body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/orders")
        .header("content-type", "application/json; charset=utf-8")
        .header("idempotency-key", "k")
        .body(body.into())
        .expect("a request")
}

fn with_quantity(quantity: Value) -> Value {
    let mut body = order();
    body["lines"][0]["quantity"] = quantity;
    body
}

#[tokio::test]
async fn malformed_json_is_refused() {
    for text in ["", "{", "{\"currency\": \"EUR\",}", "null", "{} {}", "\"\\ud800\""] {
        let answered = sent(raw(text)).await;
        answered.expect_problem(400, "invalid");
        assert_eq!(answered.pointers().len(), 1, "{text}");
    }
    sent(raw(b"{\"currency\": \"\xff\"}".to_vec())).await.expect_problem(400, "invalid");
}

#[tokio::test]
async fn an_id_that_no_path_carries_is_refused() {
    for id in [".", ".."] {
        let mut body = order();
        body["order_id"] = json!(id);
        refused("/v1/orders", &body).await.expect_problem(400, "invalid");
        let product = json!({"sku": id, "name": "A", "price": {"amount": 1, "currency": "EUR"}});
        refused("/v1/products", &product).await.expect_problem(400, "invalid");
        let payment = json!({"reference": "r", "amount": 1, "currency": "EUR"});
        let path = format!("/v1/orders/{}/payment", id.replace('.', "%2E"));
        refused(&path, &payment).await.expect_problem(400, "invalid");
    }
}

#[tokio::test]
async fn unknown_fields_are_refused_by_name() {
    let mut body = order();
    body["lines"][0]["unit_price_maximum"] = json!(5);
    let answered = refused("/v1/orders", &body).await;
    answered.expect_problem(400, "invalid");
    assert_eq!(answered.pointers(), ["/lines/0/unit_price_maximum"]);
    let answered =
        refused("/v1/orders/o-1/cancellation", &json!({"reason": "r", "why": "w"})).await;
    assert_eq!(answered.pointers(), ["/why"]);
}

#[tokio::test]
async fn a_missing_or_empty_idempotency_key_is_refused() {
    for key in [None, Some(""), Some("\"\""), Some("\"open"), Some("tab\there")] {
        let mut request = raw(order().to_string());
        request.headers_mut().remove("idempotency-key");
        if let Some(key) = key {
            let key = http::HeaderValue::from_bytes(key.as_bytes()).expect("a value");
            request.headers_mut().insert("idempotency-key", key);
        }
        let answered = sent(request).await;
        assert_eq!(answered.expect_problem(400, "invalid").pointers(), ["/header/Idempotency-Key"]);
    }
}

#[tokio::test]
async fn quantities_out_of_bounds_are_refused() {
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!(i64::MAX)] {
        let answered = refused("/v1/orders", &with_quantity(quantity)).await;
        answered.expect_problem(400, "invalid");
        assert_eq!(answered.pointers(), ["/lines/0/quantity"]);
    }
    let misfits = [json!(1.5), json!("2"), json!(null), json!(1e300), json!(true)];
    for quantity in misfits {
        let answered = refused("/v1/orders", &with_quantity(quantity)).await;
        answered.expect_problem(400, "invalid");
        assert_eq!(answered.pointers(), ["/lines/0/quantity"]);
    }
    let beyond = order().to_string().replace("\"quantity\":2", "\"quantity\":99999999999999999999");
    let answered = sent(raw(beyond)).await;
    assert_eq!(answered.expect_problem(400, "invalid").pointers(), ["/lines/0/quantity"]);
}

#[tokio::test]
async fn an_order_has_at_most_1000_lines() {
    let line = json!({"sku": "A-1", "quantity": 1});
    let lines = |count| json!({"currency": "EUR", "lines": vec![line.clone(); count]});
    for count in [0, 1_001] {
        let answered = refused("/v1/orders", &lines(count)).await;
        assert_eq!(answered.expect_problem(400, "invalid").pointers(), ["/lines"]);
    }
    let bench = Bench::willing();
    assert_eq!(bench.post("/v1/orders", &lines(1_000)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_of_2_mib_is_too_large() {
    let text = " ".repeat(2 << 20);
    sent(raw(text.clone())).await.expect_problem(413, "too-large");
    let pieces = futures::stream::iter(
        text.into_bytes()
            .chunks(64 << 10)
            .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
            .collect::<Vec<_>>(),
    );
    sent(raw(Body::from_stream(pieces))).await.expect_problem(413, "too-large");
}

#[tokio::test]
async fn only_json_is_taken() {
    for content_type in [None, Some("text/plain"), Some("application/jsonp"), Some("x")] {
        let mut request = raw(order().to_string());
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            let value = content_type.parse().expect("a value");
            request.headers_mut().insert("content-type", value);
        }
        sent(request).await.expect_problem(415, "unsupported-media-type");
    }
}

#[tokio::test]
async fn a_malformed_if_match_is_refused() {
    let body = json!({"price": {"amount": 1, "currency": "EUR"}});
    for value in ["3", "\"x\"", "W/\"3\"", "\"1\", \"2\"", ""] {
        let bench = Bench::willing();
        let path = "/v1/products/A-1/price";
        let answered = bench.post_with(path, "if-match", value, &body).await;
        assert_eq!(answered.expect_problem(400, "invalid").pointers(), ["/header/If-Match"]);
        assert!(bench.taken().is_empty());
    }
    let bench = Bench::willing();
    bench.post_with("/v1/orders", "if-match", "*", &order()).await.expect_problem(400, "invalid");
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let body = json!({
        "order_id": "",
        "currency": "eur",
        "lines": [
            {"sku": "A-1", "quantity": 1},
            {"sku": "no sku", "quantity": 0, "unit_price_max": -5},
        ],
    });
    let mut request = raw(body.to_string());
    request.headers_mut().remove("idempotency-key");
    request.headers_mut().insert("if-match", "3".parse().expect("a value"));
    let answered = sent(request).await;
    answered.expect_problem(400, "invalid");
    let expected = [
        "/order_id",
        "/currency",
        "/lines/1/sku",
        "/lines/1/quantity",
        "/lines/1/unit_price_max",
        "/header/Idempotency-Key",
        "/header/If-Match",
    ];
    assert_eq!(answered.pointers(), expected);
}

#[tokio::test]
async fn each_route_checks_its_own_fields() {
    let price = json!({"amount": 0, "currency": "E"});
    let cases = [
        ("/v1/products", json!({"sku": "", "name": "", "price": price})),
        ("/v1/products/A%20B/price", json!({"price": price})),
        ("/v1/products/A/receipts", json!({"reference": "", "quantity": 0})),
        ("/v1/products/A/adjustments", json!({"quantity": 0, "reason": "\u{7}"})),
        ("/v1/products/A/deactivation", json!({"reason": ""})),
        ("/v1/products/A/reactivation", json!({"reason": "\u{7}"})),
        ("/v1/products/A/low-stock-threshold", json!({"threshold": -1})),
        ("/v1/orders/o/payment", json!({"reference": "", "amount": 0, "currency": ""})),
        ("/v1/orders/o/cancellation", json!({"reason": ""})),
        ("/v1/orders/o/shipment", json!({"reference": " x"})),
    ];
    let expected: [&[&str]; 10] = [
        &["/sku", "/name", "/price/amount", "/price/currency"],
        &["/sku", "/price/amount", "/price/currency"],
        &["/reference", "/quantity"],
        &["/quantity", "/reason"],
        &["/reason"],
        &["/reason"],
        &["/threshold"],
        &["/reference", "/amount", "/currency"],
        &["/reason"],
        &["/reference"],
    ];
    for ((path, body), expected) in cases.iter().zip(expected) {
        let answered = refused(path, body).await;
        assert_eq!(answered.expect_problem(400, "invalid").pointers(), expected, "{path}");
    }
    // Whoever means "never" says so.
    let answered = refused("/v1/products/A/low-stock-threshold", &json!({})).await;
    answered.expect_problem(400, "invalid");
    let answered = refused("/v1/orders/%ff/shipment", &json!({"reference": "x"})).await;
    answered.expect_problem(400, "invalid");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    sent(Request::get("/v1/nowhere").body(Body::empty()).expect("a request"))
        .await
        .expect_problem(404, "not-found");
    let answered = sent(Request::get("/v1/orders").body(Body::empty()).expect("a request")).await;
    answered.expect_problem(405, "method-not-allowed");
    assert_eq!(answered.header("allow"), Some("POST"));
}
