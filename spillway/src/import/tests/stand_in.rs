//! A small shop in this process, with the command API's routes and its memory of keys.

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
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub(super) use self::counter::Counter;

/// What goes wrong with a request.
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

/// What goes wrong with the n-th try (from 0) of a request, by its method and path.
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
    let path = uri.path().to_owned();
    let mut counter = counter.lock().unwrap();
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap());
    let fault = mishaps(&method, &path, counter.tries(key.unwrap_or(&path)));
    match fault {
        Some(Fault::Refused) => return respond(503, &Value::Null),
        Some(Fault::Stranger) => return respond(404, &Value::from("no such page")),
        Some(Fault::Cut | Fault::Pending) | None => {}
    }
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let (status, body) = match key {
        Some(key) => counter.carry_out(key, &segments, &serde_json::from_slice(&body).unwrap()),
        // A query that does not carry the position may be shown an older state.
        None if headers.get("spillway-position").is_none_or(|position| position != "here") => {
            (400, Value::Null)
        }
        None => counter.show(&segments),
    };
    match fault {
        Some(Fault::Cut) => cut(status),
        Some(Fault::Pending) => respond(202, &Value::Null),
        _ => respond(status, &body),
    }
}

fn respond(status: u16, body: &Value) -> Response<Body> {
    let answer = Response::builder().status(status).header("spillway-position", "here");
    answer.header("retry-after", "0").body(Body::from(body.to_string())).unwrap()
}

/// An answer whose body ends in the middle.
fn cut(status: u16) -> Response<Body> {
    let parts =
        [Ok(Bytes::from_static(b"{\"sta")), Err(io::Error::other("the line is cut on purpose"))];
    let body = Body::from_stream(stream::iter(parts));
    Response::builder().status(status).body(body).unwrap()
}
