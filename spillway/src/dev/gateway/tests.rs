//! The gateway in front of real listeners.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{Json, body::Body, routing::post};
use futures::stream;
use serde_json::{Value, json};

use super::*;
use crate::connect;

/// Serves `router` on a free port until the end of the test.
async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A port on which nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn process(name: &str, url: String) -> Service {
    Service { name: name.to_owned(), url }
}

async fn gateway(command_api: String, query_api: String) -> String {
    gateway_until(command_api, query_api, CancellationToken::new()).await
}

async fn gateway_until(command_api: String, query_api: String, stop: CancellationToken) -> String {
    let upstreams = Upstreams {
        command_api: process("command-api", command_api),
        projector: process("projector", query_api.clone()),
        query_api: process("query-api", query_api),
    };
    listen(frame(router(upstreams, stop).unwrap(), &Limits::default())).await
}

async fn echo(request: Request) -> Json<Value> {
    let id = request.headers().get(REQUEST_ID).cloned();
    let path = request.uri().to_string();
    let body = axum::body::to_bytes(request.into_body(), 1_000).await.unwrap();
    Json(json!({
        "path": path,
        "body": String::from_utf8_lossy(&body),
        "id": id.map(|id| id.to_str().unwrap().to_owned()),
    }))
}

#[tokio::test]
async fn a_request_keeps_its_path_query_body_and_id() {
    let side = Router::new().fallback(echo);
    let base = gateway(listen(side.clone()).await, listen(side).await).await;
    let http = connect::local_http().unwrap();
    let answer = http.post(format!("{base}/v1/orders?x=1")).body("hello").send().await.unwrap();
    let id = answer.headers()[REQUEST_ID].to_str().unwrap().to_owned();
    let seen: Value = answer.json().await.unwrap();
    assert_eq!(seen, json!({"path": "/v1/orders?x=1", "body": "hello", "id": id}));
}

#[tokio::test]
async fn a_process_that_is_away_is_a_problem_that_may_be_retried() {
    let base = gateway(nowhere().await, nowhere().await).await;
    let http = connect::local_http().unwrap();
    let answer = http.post(format!("{base}/v1/orders")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/bad-gateway");
    assert_eq!(problem["retry"], "safe");
    assert!(problem["detail"].as_str().unwrap().contains("command-api"));

    let ready = http.get(format!("{base}/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = ready.json().await.unwrap();
    assert_eq!(report["processes"][2]["name"], "query-api");
}

#[tokio::test]
async fn an_answer_streams_through_before_it_is_complete() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<&str, io::Error>>(1);
    let stream = Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }));
    let stream = Arc::new(Mutex::new(Some(stream)));
    let answer = move || async move { stream.lock().unwrap().take().unwrap() };
    let side = Router::new().route("/v1/stream", post(answer));
    let base = gateway(listen(side).await, nowhere().await).await;
    let http = connect::local_http().unwrap();
    let mut answer = http.post(format!("{base}/v1/stream")).send().await.unwrap();
    for part in ["first", "second"] {
        sender.send(Ok(part)).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), part);
    }
    drop(sender);
    assert_eq!(answer.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn events_flow_one_by_one_and_end_with_the_gateway() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<&str, io::Error>>(1);
    let stream = Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    }));
    let stream = Arc::new(Mutex::new(Some(stream)));
    let answer = move || async move {
        ([("content-type", "text/event-stream")], stream.lock().unwrap().take().unwrap())
    };
    let side = Router::new().route("/v1/streams/products", get(answer));
    let stop = CancellationToken::new();
    let base = gateway_until(nowhere().await, listen(side).await, stop.clone()).await;
    let http = connect::local_http().unwrap();
    let url = format!("{base}/v1/streams/products");
    let mut answer = http.get(url).header("accept-encoding", "gzip").send().await.unwrap();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        sender.send(Ok(event)).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), event);
    }
    stop.cancel();
    assert_eq!(answer.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn the_description_is_that_of_both_sides() {
    let describe = |path: &'static str| {
        let document = json!({"openapi": "3.1.0", "info": {"title": "x"}, "paths": {path: {}}});
        Router::new().route("/openapi.json", get(|| async { Json(document) }))
    };
    let commands = listen(describe("/v1/orders")).await;
    let base = gateway(commands, listen(describe("/v1/products")).await).await;
    let http = connect::local_http().unwrap();
    let answer = http.get(format!("{base}/openapi.json")).send().await.unwrap();
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["paths"], json!({"/v1/orders": {}, "/v1/products": {}}));
    assert_eq!(document["info"]["title"], "Spillway");
}

/// Answers each piece of the body as it comes.
async fn echo_stream(request: Request) -> Response {
    let body = Body::from_stream(request.into_body().into_data_stream());
    ([("content-type", "application/x-ndjson")], body).into_response()
}

#[tokio::test]
async fn bulk_intake_flows_both_ways_and_may_have_any_length() {
    let side = Router::new()
        .route("/v1/commands", post(echo_stream))
        .route("/v1/products:import", post(echo_stream));
    let base = gateway(listen(side).await, nowhere().await).await;
    for path in ["/v1/commands", "/v1/products:import"] {
        flows_both_ways(&format!("{base}{path}")).await;
    }
}

async fn flows_both_ways(url: &str) {
    let (pieces, body) = tokio::sync::mpsc::channel::<io::Result<Vec<u8>>>(1);
    let body = stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let http = connect::local_http().unwrap();
    let sent = http
        .post(url)
        .header("content-type", "application/x-ndjson")
        .header("accept-encoding", "gzip")
        .body(reqwest::Body::wrap_stream(body));
    let mut answer = sent.send().await.unwrap();
    let piece = vec![b'x'; 100_000];
    let mut answered = 0;
    // More than any body that is held whole, and each piece answered before the next is sent.
    for sent in 1..=50 {
        pieces.send(Ok(piece.clone())).await.unwrap();
        while answered < sent * piece.len() {
            answered += answer.chunk().await.unwrap().unwrap().len();
        }
    }
    drop(pieces);
    assert_eq!(answer.chunk().await.unwrap(), None);
}
