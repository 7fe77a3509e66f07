//! The gateway in front of real listeners.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, body::Body, http::Method, routing::post};
use futures::stream;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    connect,
    openapi::{COMMANDS, QUERIES},
};

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

pub(super) async fn gateway(command_api: String, query_api: String) -> String {
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

/// Sends a request and its body, and hears the answer whether the body is taken or not, as curl does.
async fn heard(base: &str, head: &str, body: &[&[u8]]) -> String {
    let address = base.strip_prefix("http://").unwrap();
    let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
    let write = async {
        for part in [head.as_bytes()].iter().chain(body) {
            if writing.write_all(part).await.is_err() {
                break;
            }
        }
        // Open until the answer is there.
        writing
    };
    let read = async {
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") && reading.read_buf(&mut answer).await.is_ok_and(|n| n > 0) {}
        String::from_utf8(answer).unwrap()
    };
    tokio::join!(write, read).1
}

#[tokio::test]
async fn a_body_that_the_process_refuses_before_its_end_is_answered_by_the_process() {
    async fn taken(_body: service::http::Json<Value>) -> StatusCode {
        StatusCode::CREATED
    }
    let limits = Limits { body_timeout: Duration::from_millis(200), ..Limits::default() };
    let side = frame(Router::new().route("/v1/orders", post(taken)), &limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { serve(listener, side, &limits, stop).await }
    });
    let base = gateway(url, nowhere().await).await;
    let head = "POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let post = |headers: &str| format!("{head}{headers}\r\n\r\n");
    let large = vec![b' '; 8 << 20];
    let known = post(&format!("Content-Length: {}", large.len()));
    let unknown = post("Transfer-Encoding: chunked");
    let piece = format!("{:x}\r\n", large.len());
    let garbled = post("Content-Encoding: gzip\r\nContent-Length: 5");
    // Where the refusal meets the writing is a matter of chance.
    for _ in 0..10 {
        for (head, body, status) in [
            (&known, &[&large[..]][..], 413),
            (&unknown, &[piece.as_bytes(), &large[..]][..], 413),
            (&garbled, &[&b"gzip?"[..]][..], 400),
        ] {
            let answer = heard(&base, head, body).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}{answer}");
            assert!(answer.contains("/problems/"), "{head}{answer}");
        }
    }
    let slow = post("Content-Length: 100");
    let answer = heard(&base, &slow, &[b"the rest never comes"]).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    stop.cancel();
    serving.await.unwrap();
}

/// The methods that each path takes, as the two sides describe them.
pub(super) fn described() -> BTreeMap<String, BTreeSet<String>> {
    let mut methods = BTreeMap::<String, BTreeSet<String>>::new();
    for document in [COMMANDS, QUERIES] {
        let document: Value = serde_json::from_str(document).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            let of_path = methods.entry(path.replace('{', "a-").replace('}', "%2F")).or_default();
            for method in item.as_object().unwrap().keys() {
                of_path.insert(method.to_uppercase());
                if method == "get" {
                    of_path.insert("HEAD".to_owned());
                }
            }
        }
    }
    methods
}

/// What an answer says that a path takes.
pub(super) fn allowed(answer: &reqwest::Response) -> BTreeSet<String> {
    let values = answer.headers().get_all("allow").into_iter();
    values.flat_map(|value| value.to_str().unwrap().split(',').map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_path_tells_the_methods_of_both_sides() {
    let base = gateway(nowhere().await, nowhere().await).await;
    let http = connect::local_http().unwrap();
    let described = described();
    assert_eq!(described["/v1/orders"], ["GET", "HEAD", "POST"].map(str::to_owned).into());
    for (path, methods) in described {
        for (method, status) in [(Method::OPTIONS, 204), (Method::PATCH, 405)] {
            let answer = http.request(method, format!("{base}{path}")).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), allowed(&answer)), (status, methods.clone()));
            if status == 405 {
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["type"], "/problems/method-not-allowed", "{path}");
            }
        }
    }
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
