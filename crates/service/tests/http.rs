//! The HTTP frame over real sockets: errors, limits, ids, traces, and the orderly stop.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::time::Duration;

use axum::Router;
use axum::routing::{self, get};
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::trace::Status;
use serde_json::Value;
use service::http::{Json, Limits, Routes, docs};
use service::trace;
use support::{Answer, Server, Spans, TRACEPARENT, assert_problem, read_to_end, request};
use tokio::io::AsyncWriteExt;

fn routes() -> Router {
    Router::new()
        .route("/items/{id}", get(|| async { "item" }))
        .route("/orders", routing::post(|Json(body): Json<Value>| async move { axum::Json(body) }))
        .route("/panic", routing::post(panics))
        .route("/refused", get(refused))
        .route("/trace", get(|| async { trace::current_traceparent().unwrap_or_default() }))
}

async fn panics() {
    panic!("a fault of ours");
}

async fn refused() -> service::problem::Problem {
    service::problem::Problem::new(service::problem::kinds::UNAVAILABLE)
        .retry_after(Duration::from_secs(3))
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.get("/nowhere", &[]).await;
    assert_problem(&answer, 404, "/problems/not-found", "never");
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_lists_the_right_ones() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.send("DELETE /items/7", &[], "").await;
    assert_problem(&answer, 405, "/problems/method-not-allowed", "never");
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn options_lists_the_methods() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.send("OPTIONS /items/7", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET,HEAD")));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_or_without_a_length() {
    let limits = Limits { body_bytes_max: 100, ..Limits::default() };
    let server = Server::start(routes(), limits).await;
    let json = ("content-type", "application/json");
    let text = format!("\"{}\"", "x".repeat(200));
    let answer = server.send("POST /orders", &[json], &text).await;
    assert_problem(&answer, 413, "/problems/too-large", "never");
    let chunked = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    let headers = [json, ("transfer-encoding", "chunked")];
    let answer = server.send("POST /orders", &headers, &chunked).await;
    assert_problem(&answer, 413, "/problems/too-large", "never");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_with_its_place() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.send("POST /orders", &[("content-type", "text/html")], "<p>").await;
    assert_problem(&answer, 415, "/problems/unsupported-media-type", "never");
    let json = [("content-type", "application/json; charset=utf-8")];
    let answer = server.send("POST /orders", &json, "{").await;
    assert_problem(&answer, 400, "/problems/invalid", "never");
    assert_eq!(answer.json()["errors"][0]["pointer"], "");
    let answer = server.send("POST /orders", &json, "{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let limits = Limits { body_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(routes(), limits).await;
    let headers = [("content-type", "application/json"), ("content-length", "50")];
    let answer = server.send("POST /orders", &headers, "{").await;
    assert_problem(&answer, 408, "/problems/request-timeout", "safe");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_says_whether_a_retry_is_safe() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.send("POST /panic", &[], "").await;
    assert_problem(&answer, 500, "/problems/internal", "unsafe");
    assert!(!answer.body.contains("a fault of ours"), "{}", answer.body);
    let answer = server.send("POST /panic", &[("idempotency-key", "k-1")], "").await;
    assert_problem(&answer, 500, "/problems/internal", "safe");
}

#[tokio::test]
async fn a_handlers_own_problem_arrives_whole() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.get("/refused", &[]).await;
    assert_problem(&answer, 503, "/problems/unavailable", "safe");
    assert_eq!(answer.header("retry-after"), Some("3"));
}

#[tokio::test]
async fn the_request_id_is_echoed_and_named_by_problems() {
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.get("/nowhere", &[("x-request-id", "try-7")]).await;
    assert_eq!(answer.header("x-request-id"), Some("try-7"));
    assert_eq!(answer.json()["instance"], "/requests/try-7");
    let answer = server.get("/items/1", &[]).await;
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::start(routes(), Limits::default()).await;
    for path in ["/items/1", "/nowhere", "/livez"] {
        let answer = server.get(path, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
}

#[tokio::test]
async fn a_head_is_answered_as_its_get_is_but_for_the_body() {
    let routes = routes().route("/large", get(|| async { "x".repeat(10_000) }));
    let server = Server::start(routes, Limits::default()).await;
    for (path, length) in [("/items/1", Some("4")), ("/large", Some("10000")), ("/livez", None)] {
        let head = server.send(&format!("HEAD {path}"), &[], "").await;
        let got = server.get(path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["content-type", "content-length", "cache-control", "vary"] {
            assert_eq!(head.header(name), got.header(name), "{path} {name}");
        }
        assert!(length.is_none() || head.header("content-length") == length, "{head:?}");
    }
    let head = server.send("HEAD /nowhere", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (404, ""));
}

#[tokio::test]
async fn a_large_answer_is_compressed_as_the_client_can_read_it() {
    let large = || async { "x".repeat(10_000) };
    let events = || async { ([("content-type", "text/event-stream")], "x".repeat(10_000)) };
    let lines = || async { ([("content-type", "application/x-ndjson")], "x".repeat(10_000)) };
    let routes = Router::new()
        .route("/large", get(large))
        .route("/events", get(events))
        .route("/lines", get(lines));
    let server = Server::start(routes, Limits::default()).await;
    for coding in ["gzip", "br", "zstd"] {
        let answer = server.get("/large", &[("accept-encoding", coding)]).await;
        assert_eq!(answer.header("content-encoding"), Some(coding));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert!(answer.body.len() < 1_000, "{} bytes", answer.body.len());
        // A compressor would hold back what is to be seen at once.
        for stream in ["/events", "/lines"] {
            let answer = server.get(stream, &[("accept-encoding", coding)]).await;
            assert_eq!((answer.header("content-encoding"), answer.body.len()), (None, 10_000));
        }
    }
    assert_eq!(server.get("/large", &[]).await.body.len(), 10_000);
    let answer = server.get("/livez", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-encoding"), None);
}

/// Posts a body that is no text.
async fn post(server: &Server, path: &str, coding: &str, body: &[u8]) -> Answer {
    let length = body.len().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", coding),
        ("content-length", &length),
    ];
    let mut stream = server.connect().await;
    let head = request(&format!("POST {path}"), &headers, "");
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    Answer::parse(&read_to_end(&mut stream).await)
}

fn packed(text: &str) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn a_packed_body_is_read_within_the_limit_of_what_it_holds() {
    let limits = Limits { body_bytes_max: 10_000, ..Limits::default() };
    let server = Server::start(routes(), limits).await;
    let fits = format!("\"{}\"", "x".repeat(9_000));
    let answer = post(&server, "/orders", "gzip", &packed(&fits)).await;
    assert_eq!((answer.status, answer.body), (200, fits));
    let bomb = packed(&" ".repeat(5_000_000));
    assert!(bomb.len() < 10_000, "{} bytes", bomb.len());
    let answer = post(&server, "/orders", "gzip", &bomb).await;
    assert_problem(&answer, 413, "/problems/too-large", "never");
    let answer = post(&server, "/orders", "gzip", b"{}").await;
    assert_problem(&answer, 400, "/problems/invalid", "never");
    let half = packed("{\"a\": 1}");
    let answer = post(&server, "/orders", "gzip", &half[..half.len() / 2]).await;
    assert_problem(&answer, 400, "/problems/invalid", "never");
}

#[tokio::test]
async fn another_coding_is_refused_with_those_that_are_taken() {
    let streams = Router::new().route("/stream", routing::post(|body: String| async { body }));
    let server =
        Server::start(Routes { plain: routes(), streams, ..Routes::default() }, Limits::default())
            .await;
    for (path, coding, taken) in [
        ("/orders", "br", "gzip"),
        ("/orders", "zstd", "gzip"),
        ("/orders", "gzip, gzip", "gzip"),
        ("/stream", "gzip", "identity"),
    ] {
        let answer = post(&server, path, coding, &packed("{}")).await;
        assert_problem(&answer, 415, "/problems/unsupported-media-type", "never");
        assert_eq!(answer.header("accept-encoding"), Some(taken), "{path} {coding}");
    }
}

#[tokio::test]
async fn a_trace_is_continued_with_a_span_of_our_own() {
    let (spans, _tracing) = Spans::collect();
    let server = Server::start(routes(), Limits::default()).await;
    let answer = server.get("/trace", &[("traceparent", TRACEPARENT)]).await;
    assert_eq!((&answer.body[..36], &answer.body[52..]), (&TRACEPARENT[..36], "-01"));
    assert_ne!(answer.body[36..52], TRACEPARENT[36..52]);
    let span = &spans.finished()[0];
    assert_eq!(span.span_context.span_id().to_string(), answer.body[36..52]);
    assert_eq!(span.parent_span_id.to_string(), TRACEPARENT[36..52]);
}

#[tokio::test]
async fn a_sampled_span_follows_the_http_conventions() {
    let (spans, _tracing) = Spans::collect();
    let server = Server::start(routes(), Limits::default()).await;
    server.get("/items/7", &[]).await;
    server.send("POST /panic", &[], "").await;
    let spans = spans.finished();
    let attribute = |span: usize, name: &str| {
        let found = spans[span].attributes.iter().find(|found| found.key.as_str() == name);
        found.map(|found| found.value.to_string())
    };
    assert_eq!((&*spans[0].name, &*spans[1].name), ("GET /items/{id}", "POST /panic"));
    assert_eq!(attribute(0, "http.request.method").as_deref(), Some("GET"));
    assert_eq!(attribute(0, "http.route").as_deref(), Some("/items/{id}"));
    assert_eq!(attribute(0, "url.path").as_deref(), Some("/items/7"));
    assert_eq!(attribute(0, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!((&spans[0].status, attribute(0, "error.type")), (&Status::Unset, None));
    assert_eq!(spans[1].status, Status::error(""));
    assert_eq!(attribute(1, "error.type").as_deref(), Some("500"));
}

#[tokio::test]
async fn metrics_name_the_route_template_and_never_the_path() {
    let server = Server::start(routes(), Limits::default()).await;
    server.get("/items/secret-7", &[]).await;
    server.get("/nowhere-9", &[]).await;
    server.send("BREW /items/7", &[], "").await;
    let metrics = server.get("/metrics", &[]).await.body;
    for labels in [
        r#"{http_request_method="GET",http_route="/items/{id}",http_response_status_code="200""#,
        r#"{http_request_method="GET",http_route="unmatched",http_response_status_code="404""#,
        r#"{http_request_method="_OTHER",http_route="/items/{id}",http_response_status_code="405""#,
    ] {
        let series = format!("http_server_request_duration_seconds_bucket{labels}");
        assert!(metrics.contains(&series), "{series} is not in\n{metrics}");
    }
    assert!(!metrics.contains("secret-7") && !metrics.contains("nowhere-9"), "{metrics}");
    assert!(metrics.contains(r#"process_build_info{name="service""#), "{metrics}");
    assert!(metrics.contains("process_resident_memory_bytes "), "{metrics}");
}

#[tokio::test]
async fn the_admin_routes_tell_health_and_version() {
    let server = Server::start(routes(), Limits::default()).await;
    let condition = server.health.condition("replies consumer");
    for path in ["/readyz", "/startupz"] {
        assert_eq!(server.get(path, &[]).await.status, 503, "{path}");
    }
    let report = server.get("/readyz", &[]).await.json();
    assert_eq!(report["conditions"][0]["name"], "replies consumer");
    assert_eq!(report["conditions"][0]["reason"], "starting");
    condition.set_ready();
    for path in ["/readyz", "/startupz", "/livez", "/version"] {
        assert_eq!(server.get(path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(server.get("/version", &[]).await.json()["name"], "service");
}

#[tokio::test]
async fn the_description_is_shown_with_nothing_from_elsewhere() {
    let server = Server::start(routes().merge(docs()), Limits::default()).await;
    let moved = server.get("/docs", &[]).await;
    assert_eq!((moved.status, moved.header("location")), (303, Some("/docs/")));
    let page = server.get("/docs/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let start = server.get("/docs/swagger-initializer.js", &[]).await.body;
    for told in [r#""url": "/openapi.json""#, r#""validatorUrl": "none""#] {
        assert!(start.contains(told), "{told} is not in {start}");
    }
    for text in [&page.body, &start] {
        assert!(!text.contains("://"), "{text}");
    }
    let parts = page.body.split("=\"./").skip(1).filter_map(|rest| rest.split('"').next());
    let parts: Vec<&str> = parts.collect();
    assert!(parts.contains(&"swagger-ui-bundle.js"), "{parts:?}");
    for part in parts {
        assert_eq!(server.get(&format!("/docs/{part}"), &[]).await.status, 200, "{part}");
    }
}
