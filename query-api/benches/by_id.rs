//! One product by its SKU: from memory and from PostgreSQL, against a bare axum answer of the same
//! size, all in one run over one connection each.
//!
//! `cargo bench -p query-api`; `BENCH_SECONDS` (3) for each of the three. Ratios come first, because
//! the machine differs.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use http::header::CONTENT_TYPE;
use service::http::{Limits, frame};
use support::{Choices, World, rows, tiers::Tiers};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PATH: &str = "/v1/products/A";
/// Requests in one run between looks at the clock.
const ROUND: usize = 50;

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(run());
}

async fn run() {
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(3));
    let first = World::start().await;
    rows::product(&first.pool, "A", 10, 4).await;
    let body = first.get(PATH).await.text;
    let tiers = Tiers { listens: false, ..Tiers::memory() };
    let (postgres, redis) = (first.stack().postgres_url(), first.stack().redis_url());
    let cached = World::another(&postgres, &redis, Choices { tiers, ..Choices::default() });
    let bare = Router::new().route(
        PATH,
        get({
            let body = body.clone();
            move || async move { ([(CONTENT_TYPE, "application/json")], body) }
        }),
    );
    let framed = frame(bare.clone(), &Limits::default());

    let bare = measure("bare axum", bare, &body, time).await;
    let framed = measure("bare axum in our frame", framed, &body, time).await;
    let memory = measure("from memory", cached.router().clone(), &body, time).await;
    let uncached = measure("from PostgreSQL", first.router().clone(), &body, time).await;
    println!("body: {} bytes, one connection, one request at a time", body.len());
    println!("{:<24} {:>10} {:>10}", "", "us/request", "of bare");
    for (name, each) in [bare, framed, memory, uncached] {
        let (us, ratio) = (each.as_secs_f64() * 1e6, each.as_secs_f64() / bare.1.as_secs_f64());
        println!("{name:<24} {us:>10.1} {ratio:>9.2}x");
    }
    cached.end().await;
    first.end().await;
}

/// The usual time of a request: the median of the rounds.
async fn measure(
    name: &'static str,
    router: Router,
    body: &str,
    time: Duration,
) -> (&'static str, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    ask(&mut stream, body).await;
    let (began, mut rounds) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let round = Instant::now();
        for _ in 0..ROUND {
            ask(&mut stream, body).await;
        }
        rounds.push(round.elapsed() / u32::try_from(ROUND).unwrap());
    }
    serving.abort();
    rounds.sort_unstable();
    (name, rounds[rounds.len() / 2])
}

/// One request, and its answer read whole: it ends with the body that is awaited.
async fn ask(stream: &mut TcpStream, body: &str) {
    stream.write_all(format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while !answer.ends_with(body.as_bytes()) {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the connection ended: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
    }
}
