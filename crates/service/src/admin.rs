//! The routes of every process for operators and probes, on the same port as its API.
//!
//! | route | 200 means | else |
//! |---|---|---|
//! | `/livez` | every loop with a heartbeat still beats | 503: restart me |
//! | `/readyz` | every condition is ready, or needed at the start only and was ready once, and no stop was asked for | 503: send me no requests |
//! | `/startupz` | every condition was ready once | 503: be patient |
//! | `/metrics` | Prometheus text | |
//! | `/version` | name, version, source revision | |
//!
//! A 503 here carries the same report as a 200, not a problem document: it is an answer.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::Serialize;

use crate::build::Build;
use crate::health::Health;
use crate::metrics::Metrics;

/// The admin routes. Merge them with the API's before [`frame`](crate::http::frame) is applied.
pub fn router(build: Build, health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(health)
        .route("/metrics", get(exposition).with_state(metrics))
        .route("/version", get(move || async move { Json(build) }))
}

async fn livez(State(health): State<Health>) -> Response {
    let report = health.liveness();
    answer(report.live, report)
}

async fn readyz(State(health): State<Health>) -> Response {
    let report = health.readiness();
    answer(report.ready, report)
}

async fn startupz(State(health): State<Health>) -> Response {
    let report = health.startup();
    answer(report.started, report)
}

fn answer(well: bool, report: impl Serialize) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn exposition(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}
