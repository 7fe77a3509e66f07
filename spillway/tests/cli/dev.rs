//! `spillway dev` for real: the whole system comes up, tells its story, and goes without a trace.

use crate::{
    bench,
    support::{Dev, descendants, run},
};
use std::{path::Path, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::ChildStdout,
    time::timeout,
};

/// The projector's gauges follow every few seconds.
const STATUS_WITHIN: Duration = Duration::from_secs(90);
/// The story is a few requests.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test]
async fn dev_brings_the_system_up_shows_it_and_leaves_nothing_behind() {
    let runtime = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(runtime.path(), &["--random-ports"]);
    let words = dev.words_until("next:").await;
    let table = dev.data_until("logs").await;
    let base = column(&table, "gateway");
    let processes = descendants::of(dev.id());
    assert!(processes.len() > 7, "{processes:?}");
    for step in ["Kafka", "PostgreSQL", "schema registry", "Redis", "topics", "command-api"] {
        let ticked = words.iter().any(|line| line.starts_with(&format!("✓ {step}")));
        assert!(ticked, "no step {step}: {}", words.join("\n"));
    }

    for fate in ["reserved", "paid", "shipped", "cancelled", "rejected"] {
        let order = get(&format!("{base}/v1/orders/sample-{fate}")).await;
        assert_eq!(order["status"], fate, "{order}");
    }
    follow(&words).await;
    let problem = get(&format!("{base}/nowhere")).await;
    assert_eq!(problem["type"], "/problems/not-found");
    let page = page(&format!("{base}/graphql")).await;
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let api = get(&format!("{base}/openapi.json")).await;
    assert!(api["paths"]["/v1/orders"]["post"].is_object(), "{api}");
    assert!(api["paths"]["/v1/orders"]["get"].is_object(), "{api}");

    let report = status_with_projections(runtime.path()).await;
    assert_eq!(report["url"], base);
    assert_eq!(report["ready"], true, "{report}");
    assert_eq!(report["shards"].as_array().unwrap().len(), 8, "{report}");
    let environment = run(runtime.path(), &["status", "-o", "env"]).await;
    let environment = String::from_utf8(environment.stdout).unwrap();
    assert!(environment.contains("export KAFKA_BOOTSTRAP_SERVERS='127.0.0.1:"), "{environment}");
    assert!(environment.contains(&format!("export SPILLWAY_URL='{base}'\n")), "{environment}");
    let database = environment.lines().find_map(|line| line.strip_prefix("export DATABASE_URL="));
    bench::measures(runtime.path(), &base, database.unwrap().trim_matches('\'')).await;

    let (ended, words) = dev.stop(Signal::SIGINT).await;
    assert!(ended.success(), "{ended}: {}", words.join("\n"));
    descendants::wait_until_gone(&processes).await;
    let status = run(runtime.path(), &["status"]).await;
    assert_eq!(status.status.code(), Some(3), "{status:?}");
}

#[tokio::test]
async fn dev_keeps_what_it_is_told_to_keep_and_reports_a_death() {
    let runtime = tempfile::tempdir().unwrap();
    let kept = runtime.path().join("kept");
    let args = ["--random-ports", "--retain", kept.to_str().unwrap()];
    let mut first = Dev::start(runtime.path(), &args);
    let base = column(&first.data_until("data").await, "gateway");
    let before = get(&format!("{base}/v1/orders/sample-shipped/history")).await;
    let (ended, words) = first.stop(Signal::SIGTERM).await;
    assert!(ended.success(), "{ended}: {}", words.join("\n"));

    // The sample is put in once more and changes nothing.
    let mut second = Dev::start(runtime.path(), &args);
    let base = column(&second.data_until("data").await, "gateway");
    let after = get(&format!("{base}/v1/orders/sample-shipped/history")).await;
    assert_eq!(before, after);

    let processes = descendants::of(second.id());
    descendants::kill(&processes, "query-api");
    let (ended, words) = second.ended().await;
    assert_eq!(ended.code(), Some(3));
    let words = words.join("\n");
    assert!(words.contains("query-api ended by itself"), "{words}");
    assert!(words.contains("\"Listening for HTTP.\""), "no last lines: {words}");
    descendants::wait_until_gone(&processes).await;
}

/// The status, once the projector has told how far it is.
async fn status_with_projections(runtime: &Path) -> Value {
    let look = async {
        loop {
            let status = run(runtime, &["status", "-o", "json"]).await;
            let report: Value = serde_json::from_slice(&status.stdout).unwrap();
            if report["projections"].as_array().is_some_and(|all| !all.is_empty()) {
                return report;
            }
        }
    };
    timeout(STATUS_WITHIN, look).await.unwrap()
}

/// Runs the story's commands in a shell, as a reader would: the stream in one, and what it is to tell
/// of in another.
async fn follow(words: &[String]) {
    let script: Vec<&str> = words.iter().filter_map(|line| line.strip_prefix("  ")).collect();
    let (cancel, script) = script.split_last().unwrap();
    let mut shell = sh(&script.join("\n"));
    let group = Pid::from_raw(shell.id().unwrap().cast_signed());
    let mut told = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut answers = Vec::new();
    let followed = timeout(FOLLOWED_WITHIN, async {
        let before = next_event(&mut told, &mut answers).await?;
        let cancelled = sh(cancel).wait_with_output().await.unwrap();
        Some((before, text(cancelled.stdout), next_event(&mut told, &mut answers).await?))
    });
    let followed = followed.await;
    // Gone already where a command has failed.
    let _ = killpg(group, Signal::SIGTERM);
    let errors = text(shell.wait_with_output().await.unwrap().stderr);
    let Ok(Some((before, cancelled, after))) = followed else { panic!("{answers:?}\n{errors}") };
    let order: Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(order["status"], "reserved", "{order}");
    let history: Value = serde_json::from_str(&answers[1]).unwrap();
    assert_eq!(history["items"][0]["type"], "OrderPlaced", "{history}");
    assert_eq!(before["status"], "reserved", "{before}");
    assert!(cancelled.contains("\"cancelled\""), "{cancelled}");
    assert_eq!(after["order"]["status"], "cancelled", "{after}");
}

/// A shell of its own process group.
fn sh(script: &str) -> tokio::process::Child {
    tokio::process::Command::new("sh")
        .args(["-eu", "-c", script])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The next event of the stream; what comes before it is put to the answers.
async fn next_event(
    told: &mut Lines<BufReader<ChildStdout>>,
    answers: &mut Vec<String>,
) -> Option<Value> {
    while let Some(line) = told.next_line().await.unwrap() {
        match line.strip_prefix("data: ") {
            Some(data) => return Some(serde_json::from_str(data).unwrap()),
            None => answers.push(line),
        }
    }
    None
}

async fn get(url: &str) -> Value {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    http.get(url).send().await.unwrap().json().await.unwrap()
}

/// What a browser gets.
async fn page(url: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    http.get(url).header("accept", "text/html").send().await.unwrap().text().await.unwrap()
}

/// The place of one part in the table.
fn column(table: &[String], what: &str) -> String {
    let line = table.iter().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().last().unwrap().to_owned()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
