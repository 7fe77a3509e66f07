//! Bare axum: the cost of HTTP itself.

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use http::{StatusCode, header::CONTENT_TYPE};

const JSON: &str = "application/json";

/// Takes an order and answers 201 with the body it came with.
pub(in crate::bench) fn echo() -> Router {
    let echo = |body: Bytes| async { (StatusCode::CREATED, [(CONTENT_TYPE, JSON)], body) };
    Router::new().route("/v1/orders", post(echo))
}

/// Answers every query with these bytes.
pub(in crate::bench) fn answer(body: Vec<u8>) -> Router {
    let body = Bytes::from(body);
    let answer = move || {
        let body = body.clone();
        async { ([(CONTENT_TYPE, JSON)], body) }
    };
    Router::new().fallback(get(answer))
}
