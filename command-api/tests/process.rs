//! The process itself, in the role edge: how it starts, refuses to start, and ends.

mod broker;

use std::net::TcpListener;
use std::process::Stdio;

use broker::{Broker, Clerk, DEADLINE};
use devstack::{Process, Ready, Spec, http};
use tokio::process::Command;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-api"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the process to its end: exit code and standard error.
async fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = tokio::time::timeout(DEADLINE, command(args).output());
    let output = output.await.expect("it ends in time").expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_all_its_errors() {
    let (code, text) = run(&["--in-flight-max=0", "--profile=staging"]).await;
    assert_eq!(code, Some(2));
    for flag in ["--in-flight-max", "--profile"] {
        assert!(text.contains(flag), "{flag} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_topics_is_refused_with_the_next_command_to_run() {
    let broker = Broker::bare().await;
    let servers = format!("--kafka-bootstrap-servers={}", broker.bootstrap_servers());
    let (code, text) = run(&["--role=edge", "--listen=127.0.0.1:0", &servers]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("orders.commands.v1 does not exist"), "{text}");
    assert!(text.contains("spillway topics apply"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_serves_until_it_is_told_to_stop() {
    let broker = Broker::start().await;
    let clerk = Clerk::start(&broker);
    let base = format!("127.0.0.1:{}", free_port());
    let log = std::env::temp_dir().join(format!("command-api-{}.log", uuid::Uuid::new_v4()));
    let spec = Spec::new("command-api", env!("CARGO_BIN_EXE_command-api"), &log)
        .args(["--role=edge", "--listen", &base])
        .arg(format!("--kafka-bootstrap-servers={}", broker.bootstrap_servers()))
        .ready(Ready::Http(format!("http://{base}/readyz")));
    let process = Process::spawn(spec).await.expect("it is ready");

    let (status, document) = http::get(&format!("http://{base}/openapi.json")).await.expect("it");
    assert_eq!((status.as_u16(), document.first()), (200, Some(&b'{')));
    let (status, _) = http::get(&format!("http://{base}/v1/orders")).await.expect("an answer");
    assert_eq!(status.as_u16(), 405);
    let (_, metrics) = http::get(&format!("http://{base}/metrics")).await.expect("an answer");
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    assert!(metrics.contains("edge_backlog{shard=\"orders/0\"}"), "{metrics}");

    let ended = process.stop().await.expect("it ran");
    assert_eq!(ended.code(), Some(0), "{}", std::fs::read_to_string(&log).unwrap_or_default());
    clerk.end();
    std::fs::remove_file(&log).expect("the log is removed");
}
