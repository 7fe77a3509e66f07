//! Connections over real sockets: silent clients, too many clients, and the stop.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures::stream;
use service::http::Limits;
use support::{Answer, Server, read_to_end, request, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// A route that says when a request is inside it and waits until it may answer.
fn held(inside: Arc<Notify>, go_on: Arc<Semaphore>) -> Router {
    let answer = move || async move {
        inside.notify_one();
        let _permit = go_on.acquire().await;
        "done"
    };
    Router::new().route("/", get(answer))
}

#[tokio::test]
async fn a_client_that_says_nothing_is_cut() {
    let limits = Limits { header_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(hello(), limits).await;
    for beginning in ["", "GET / HTTP/1.1\r\nhost: te"] {
        let mut silent = server.connect().await;
        silent.write_all(beginning.as_bytes()).await.unwrap();
        read_to_end(&mut silent).await;
    }
}

#[tokio::test]
async fn a_kept_connection_without_another_request_is_cut() {
    // Long enough for a busy machine to send the request.
    let limits = Limits { header_timeout: Duration::from_secs(2), ..Limits::default() };
    let server = Server::start(hello(), limits).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let answer = Answer::parse(&read_to_end(&mut idle).await);
    assert_eq!(answer.body, "hello");
}

#[tokio::test]
async fn a_client_above_the_cap_is_served_when_another_leaves() {
    let (inside, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let server = Server::start(held(inside.clone(), go_on.clone()), limits).await;
    let mut first = server.connect().await;
    first.write_all(request("GET /", &[], "").as_bytes()).await.unwrap();
    soon(inside.notified()).await;
    let mut second = server.connect().await;
    second.write_all(request("GET /", &[], "").as_bytes()).await.unwrap();
    // That nothing happens can only be watched for a while; too short a while hides, never invents.
    let watched = tokio::time::timeout(Duration::from_millis(100), inside.notified());
    assert!(watched.await.is_err(), "the second request got in beside the first");
    drop(first);
    soon(inside.notified()).await;
    go_on.add_permits(1);
    assert_eq!(Answer::parse(&read_to_end(&mut second).await).body, "done");
}

#[tokio::test]
async fn a_stop_lets_a_request_in_flight_finish_and_closes_the_rest() {
    let (inside, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let server = Server::start(held(inside.clone(), go_on.clone()), Limits::default()).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    soon(inside.notified()).await;

    server.stop.cancel();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(!server.ended.is_finished());
    go_on.add_permits(1);
    let answer = Answer::parse(&read_to_end(&mut busy).await);
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("done", Some("close")));
    soon(server.ended).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stop_cuts_what_outlasts_the_drain() {
    let (inside, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(held(inside.clone(), go_on), limits).await;
    let mut busy = server.connect().await;
    busy.write_all(request("GET /", &[], "").as_bytes()).await.unwrap();
    soon(inside.notified()).await;
    server.stop.cancel();
    assert_eq!(read_to_end(&mut busy).await, "");
    soon(server.ended).await.unwrap();
}

#[tokio::test]
async fn a_stopping_process_is_unready_first_and_still_answers() {
    let limits = Limits { unready: Duration::from_secs(4), ..Limits::default() };
    let server = Server::start(hello(), limits).await;
    server.stop.cancel();
    assert_eq!(server.get("/readyz", &[]).await.status, 503);
    assert_eq!(server.get("/", &[]).await.body, "hello");
    soon(server.ended).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// A stream without end, and a word when it is dropped.
fn endless(dropped: &CancellationToken) -> Router {
    let dropped = dropped.clone();
    let answer = move || {
        let pieces = stream::unfold(dropped.clone().drop_guard(), |guard| async {
            tokio::task::yield_now().await;
            Some((Ok::<_, std::convert::Infallible>(vec![b'x'; 64 * 1_024]), guard))
        });
        async move { Body::from_stream(pieces) }
    };
    Router::new().route("/", get(answer))
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_and_one_that_reads_on_is_not() {
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
    let (dropped, kept) = (CancellationToken::new(), CancellationToken::new());
    let server = Server::start(endless(&dropped), limits.clone()).await;
    let mut silent = server.connect().await;
    silent.write_all(request("GET /", &[], "").as_bytes()).await.unwrap();
    soon(dropped.cancelled()).await;
    let metrics = server.get("/metrics", &[]).await.body;
    let stalled = metrics.lines().find(|line| line.starts_with("http_server_stalled_connections"));
    assert_eq!(stalled, Some("http_server_stalled_connections_total 1"));

    // Pauses below the limit, far more bytes than any buffer holds.
    let patient = Limits { write_timeout: Duration::from_secs(60), ..limits };
    let server = Server::start(endless(&kept), patient).await;
    let mut slow = server.connect().await;
    slow.write_all(request("GET /", &[], "").as_bytes()).await.unwrap();
    let mut piece = vec![0; 1 << 20];
    for _ in 0..64 {
        soon(slow.read_exact(&mut piece)).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(!kept.is_cancelled());
    drop(slow);
    soon(kept.cancelled()).await;
}
