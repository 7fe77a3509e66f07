//! A small shop in this process, with the bulk intake of a command API and its memory of keys.

mod counter;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use futures::stream;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub(super) use self::counter::Counter;

/// What goes wrong with a query or a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not carried out, and answered 503.
    Refused,
    /// It is carried out, and the line is cut inside the answer.
    Cut,
    /// It is carried out, and answered 202.
    Pending,
    /// A page of somebody else answers.
    Stranger,
}

const NDJSON: &str = "application/x-ndjson";

/// What goes wrong with the n-th try (from 0) of a query or a command, by its method and path.
pub(super) type Mishaps = fn(&Method, &str, usize) -> Option<Fault>;

/// The running shop; it ends with this value.
#[derive(Debug)]
pub(super) struct StandIn {
    url: Url,
    counter: Arc<Mutex<Counter>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Served {
    counter: Arc<Mutex<Counter>>,
    mishaps: Mishaps,
}

impl StandIn {
    pub(super) async fn start(mishaps: Mishaps) -> Self {
        let counter = Arc::new(Mutex::new(Counter::default()));
        let served = Served { counter: counter.clone(), mishaps };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().fallback(answer).with_state(served);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, counter, server }
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(Served { counter, mishaps }): State<Served>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path();
    let mut counter = counter.lock().unwrap();
    if method == Method::POST {
        assert_eq!(path, "/v1/commands");
        assert_eq!(headers["content-type"], NDJSON);
        return counter.take_in(&body, mishaps);
    }
    match mishaps(&method, path, counter.tries(path)) {
        Some(Fault::Refused) => return respond(503, &Value::Null),
        Some(Fault::Cut) => return cut("application/json", "{\"sta".to_owned()),
        Some(Fault::Stranger) => return stranger(),
        Some(Fault::Pending) | None => {}
    }
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    // A query that does not carry the position may be shown an older state.
    let is_up_to_date = headers.get("spillway-position").is_some_and(|at| at == "here");
    let (status, body) = if is_up_to_date { counter.show(&segments) } else { (400, Value::Null) };
    respond(status, &body)
}

impl Counter {
    /// Answers every line in its order. A fault of the transport ends the answers there.
    fn take_in(&mut self, body: &[u8], mishaps: Mishaps) -> Response<Body> {
        let mut told = String::new();
        for (number, line) in (1..).zip(std::str::from_utf8(body).unwrap().lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            let key = line["idempotency_key"].as_str().unwrap();
            let path = route_of(&line);
            let fault = mishaps(&Method::POST, &path, self.tries(key));
            let segments: Vec<&str> = path.split('/').skip(2).collect();
            let (status, answer) = match fault {
                Some(Fault::Stranger) => return stranger(),
                Some(Fault::Refused) => (503, Value::Null),
                _ => self.carry_out(key, &segments, &line),
            };
            match fault {
                Some(Fault::Cut) => return cut(NDJSON, told + "{\"line\":1,\"sta"),
                Some(Fault::Pending) => told += &answered(number, 202, &Value::Null),
                _ => told += &answered(number, status, &answer),
            }
        }
        let response = Response::builder().header("content-type", NDJSON);
        response.body(Body::from(told)).unwrap()
    }
}

/// The route that takes a line's command alone.
fn route_of(line: &Value) -> String {
    let id = |name: &str| line[name].as_str().unwrap().to_owned();
    match line["command"].as_str().unwrap() {
        "RegisterProduct" => "/v1/products".to_owned(),
        "ReceiveStock" => format!("/v1/products/{}/receipts", id("sku")),
        "PlaceOrder" => "/v1/orders".to_owned(),
        "PayOrder" => format!("/v1/orders/{}/payment", id("order_id")),
        "ShipOrder" => format!("/v1/orders/{}/shipment", id("order_id")),
        other => panic!("{other} is no command of an import"),
    }
}

fn answered(number: usize, status: u16, body: &Value) -> String {
    let member = if status < 300 { "answer" } else { "problem" };
    let line = json!({
        "line": number,
        "status": status,
        "position": "here",
        "retry_after": 0,
        (member): body,
    });
    format!("{line}\n")
}

fn respond(status: u16, body: &Value) -> Response<Body> {
    let answer = Response::builder().status(status).header("spillway-position", "here");
    answer.header("retry-after", "0").body(Body::from(body.to_string())).unwrap()
}

fn stranger() -> Response<Body> {
    respond(404, &Value::from("no such page"))
}

/// An answer whose body ends in the middle.
fn cut(content_type: &str, begun: String) -> Response<Body> {
    let parts = [Ok(Bytes::from(begun)), Err(io::Error::other("the line is cut on purpose"))];
    let body = Body::from_stream(stream::iter(parts));
    Response::builder().header("content-type", content_type).body(body).unwrap()
}
