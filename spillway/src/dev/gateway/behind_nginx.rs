//! The routes of deploy/nginx/nginx.conf against those of this gateway: both stand in front of the
//! same stand-ins, which say who they are.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use axum::{Router, body::Bytes, http::Method};
use devstack::Nginx;
use reqwest::Client;
use service::http::Limits;
use tokio::net::TcpListener;

use super::tests::{allowed, described, gateway};
use crate::connect;

/// Every kind of path, with those that look like another kind.
const PATHS: [&str; 28] = [
    "/",
    "/v1",
    "/v1/",
    "/v1/orders",
    "/v1/orders?x=/payment",
    "/v1/orders/o-1/payment",
    "/v1/orders/o-1%2Fpayment",
    "/v1/orders/o-1/refund",
    "/v1/products:import",
    "/v1/commands",
    "/v1/commands/5f0c",
    "/v1/orders/o-1/stream",
    "/v1/streams/orders/o-1",
    "/v1/stream",
    "/v10/orders",
    "/v1orders",
    "//v1/orders",
    "/problems",
    "/problems/out-of-stock",
    "/problemsome",
    "/docs",
    "/docs/swagger-ui.css",
    "/docsome",
    "/graphql",
    "/graphql/",
    "/graphqlx",
    "/metrics",
    "/version",
];
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
/// Says who answered.
const SIDE: &str = "x-side";

/// Answers everything with its name, on a free port, until the end of the test.
async fn stand_in(side: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // The body is read: a connection that is closed over an unread one may lose the answer.
    let router = Router::new().fallback(move |_body: Bytes| async move { [(SIDE, side)] });
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nginx/nginx.conf")
}

async fn nginx(dir: &Path, commands: &str, queries: &str) -> Nginx {
    let servers = [
        ("command-api-1:8081", commands),
        ("command-api-2:8081", commands),
        ("query-api-1:8083", queries),
        ("query-api-2:8083", queries),
    ];
    Nginx::start(&config(), &servers, dir).await.unwrap()
}

/// Who answered and how.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    side: Option<String>,
    status: u16,
    kind: Option<String>,
    allowed: BTreeSet<String>,
}

async fn heard(http: &Client, method: &Method, url: String) -> Heard {
    let answer = http.request(method.clone(), url).send().await.unwrap();
    let header = |name| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    Heard { side: header(SIDE), status, kind: header("content-type"), allowed: allowed(&answer) }
}

#[tokio::test]
async fn nginx_answers_every_request_as_this_gateway_does() {
    let dir = tempfile::tempdir().unwrap();
    let (commands, queries) = tokio::join!(stand_in("commands"), stand_in("queries"));
    let nginx = nginx(dir.path(), &commands, &queries).await;
    let gateway = gateway(format!("http://{commands}"), format!("http://{queries}")).await;
    let http = connect::local_http().unwrap();
    let described: Vec<String> = described().into_keys().collect();
    for path in PATHS.into_iter().chain(described.iter().map(String::as_str)) {
        for method in METHODS {
            let by_nginx = heard(&http, &method, format!("{}{path}", nginx.url())).await;
            let by_gateway = heard(&http, &method, format!("{gateway}{path}")).await;
            assert_eq!(by_nginx, by_gateway, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nginx_takes_bodies_as_large_as_the_processes_do() {
    let dir = tempfile::tempdir().unwrap();
    let side = stand_in("commands").await;
    let nginx = nginx(dir.path(), &side, &side).await;
    let http = connect::local_http().unwrap();
    let url = format!("{}/v1/orders", nginx.url());
    let largest = Limits::default().body_bytes_max;
    for (bytes, status) in [(largest, 200), (largest + 1, 413)] {
        let sent = http.post(&url).body(vec![b' '; bytes]).send().await.unwrap();
        assert_eq!(sent.status(), status, "{bytes} bytes");
        if status == 413 {
            let problem: serde_json::Value = sent.json().await.unwrap();
            assert_eq!(problem["type"], "/problems/too-large");
        }
    }
}
