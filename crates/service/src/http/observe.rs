//! One span and one measurement per request. The OpenTelemetry HTTP semantic conventions are
//! pinned here: field and metric names live nowhere else.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use metrics::Unit;
use opentelemetry::trace::Status;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::request_id::{REQUEST_ID, RequestId};
use crate::trace::{self, Parent};

/// Histogram of the time from the request's head to the answer's head, in seconds, labelled
/// `http_request_method`, `http_route` (the template, or `unmatched`) and
/// `http_response_status_code`. A stream's body is not in it.
pub const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
/// Gauge of the requests that are being answered.
const REQUESTS_ACTIVE: &str = "http_server_active_requests";
/// Gauge of the open connections; each takes one of the places that `--http-connections-max` gives.
const CONNECTIONS_OPEN: &str = "http_server_open_connections";
/// Gauge of the places there are.
const CONNECTIONS_MAX: &str = "http_server_connections_max";
/// Label of a request whose client went away before the answer: the handler was dropped.
const STATUS_CANCELLED: &str = "499";

/// Explains the metrics to those who read `/metrics`.
pub(super) fn describe() {
    metrics::describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "Time from the head of a request to the head of its answer; 499: the client left before."
    );
    metrics::describe_counter!(
        super::serve::STALLED,
        "Connections that were cut because their clients took nothing of what was written."
    );
    metrics::describe_gauge!(REQUESTS_ACTIVE, "Requests that are being answered.");
    metrics::describe_gauge!(CONNECTIONS_OPEN, "Connections that are open.");
    metrics::describe_gauge!(CONNECTIONS_MAX, "Connections that may be open; more wait.");
}

/// Tells how many connections may be open.
pub(super) fn connections_max(count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    metrics::gauge!(CONNECTIONS_MAX).set(f64::from(count));
}

/// Counts a connection for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenConnection;

impl OpenConnection {
    pub(super) fn count() -> Self {
        metrics::gauge!(CONNECTIONS_OPEN).increment(1);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!(CONNECTIONS_OPEN).decrement(1);
    }
}

/// Gives the request its id, span and measurement.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (span, is_sampled) = span(&request, &id, route.as_ref().map(MatchedPath::as_str));
    let mut measurement = Measurement::start(request.method(), route);
    request.extensions_mut().insert(id.clone());
    let header = id.header();

    let answer = id.scope(next.run(request)).instrument(span.clone());
    let mut response = answer.await;

    let status = response.status();
    measurement.status = Some(status);
    if is_sampled {
        describe_answer(&span, status);
    }
    span.in_scope(|| tracing::debug!(status = status.as_u16(), "Answered a request."));
    if let Some(value) = header {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The server span, continued from the caller's `traceparent` if it sent one, and whether it is
/// sampled.
///
/// Its fields are only those that log records need: the log layer renders each field of each span,
/// also when nothing is logged. The rest is set on the traced span alone, when it is sampled.
fn span(request: &Request, id: &RequestId, route: Option<&str>) -> (Span, bool) {
    let parent = Parent::from_headers(request.headers());
    let method = method_label(request.method());
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        request_id = id.as_str(),
        // Absent without a caller's trace: an id that nobody else knows tells nothing.
        trace_id = parent.as_ref().map(Parent::trace_id),
    );
    let may_be_sampled = parent.as_ref().is_none_or(Parent::is_sampled);
    if let Some(parent) = parent {
        parent.adopt(&span);
    }
    let is_sampled = may_be_sampled && trace::is_sampled(&span);
    if is_sampled {
        trace::rename(&span, format!("{method} {}", route.unwrap_or("unmatched")));
        span.set_attribute("url.path", request.uri().path().to_owned());
    }
    (span, is_sampled)
}

fn describe_answer(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_attribute("error.type", status.as_str().to_owned());
        span.set_status(Status::error(""));
    }
}

/// Counts a request even when its handler is dropped half-way.
struct Measurement {
    began: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    /// Known once the handler has answered.
    status: Option<StatusCode>,
}

impl Measurement {
    fn start(method: &Method, route: Option<MatchedPath>) -> Self {
        metrics::gauge!(REQUESTS_ACTIVE).increment(1);
        Self { began: Instant::now(), method: method_label(method), route, status: None }
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        metrics::gauge!(REQUESTS_ACTIVE).decrement(1);
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
        let status = self.status.as_ref().map_or(STATUS_CANCELLED, StatusCode::as_str).to_owned();
        metrics::histogram!(
            REQUEST_DURATION,
            "http_request_method" => self.method,
            "http_route" => route,
            "http_response_status_code" => status,
        )
        .record(self.began.elapsed());
    }
}

/// Methods are invented freely by clients, labels must not be.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "_OTHER",
    }
}
