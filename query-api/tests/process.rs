//! The program itself: starts without PostgreSQL, becomes ready with it, stops when asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::TcpListener, process::ExitStatus, time::Duration};

use devstack::{Options, Parts, Process, Ready, Spec, Stack, http::get};
use http::StatusCode;

#[tokio::test]
async fn the_program_serves_its_routes_and_stops_in_order() {
    let parts = Parts { postgres: true, ..Parts::NONE };
    let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();
    let pool = sqlx::PgPool::connect(&stack.postgres_url()).await.unwrap();
    sqlx::migrate!("../migrations").run(&pool).await.unwrap();
    let logs = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = |path: &str| format!("http://{address}{path}");

    let spec = Spec::new("query-api", env!("CARGO_BIN_EXE_query-api"), logs.path().join("log"))
        .args(["--listen", &address.to_string()])
        .envs(stack.env())
        .ready(Ready::Http(url("/readyz")))
        .start_within(Duration::from_secs(60));
    let process = Process::spawn(spec).await.unwrap();

    let (status, body) = get(&url("/openapi.json")).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert!(document["paths"]["/v1/orders/{order_id}"].is_object());
    assert_eq!(get(&url("/v1/orders/none")).await.unwrap().0, StatusCode::NOT_FOUND);
    let (_, metrics) = get(&url("/metrics")).await.unwrap();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(metrics.contains("route=\"/v1/orders/{order_id}\""), "{metrics}");

    let ended = process.stop().await;
    assert!(ended.is_some_and(|status: ExitStatus| status.success()), "{ended:?}");
    stack.stop().await;
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_code_2_and_every_error() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_query-api"))
        .args(["--position-poll-ms", "0", "--database-connections-max", "0"])
        .env("DATABASE_URL", "mysql://x")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for variable in ["DATABASE_URL", "DATABASE_CONNECTIONS_MAX", "POSITION_POLL_MS"] {
        assert!(text.contains(variable), "{variable} in {text}");
    }
}
