//! A whole system under test, with its doors: the command line with its addresses, and HTTP.

use std::{collections::BTreeMap, path::Path, process::Output, time::Duration};

use nix::sys::signal::Signal;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Dev, descendants, run, spillway};

/// Until a level is reached: a rebalance, a projection, a readiness.
const LEVEL_WITHIN: Duration = Duration::from_secs(180);

pub(crate) struct System {
    dev: Dev,
    runtime: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    http: Client,
}

impl System {
    /// Starts an empty system.
    pub(crate) async fn start() -> Self {
        let runtime = tempfile::tempdir().unwrap();
        let dev = Dev::start(runtime.path(), &["--random-ports", "--no-sample"]);
        Self::of(dev, runtime).await
    }

    /// Waits for a system that was started with its state files in `runtime`.
    pub(crate) async fn of(mut dev: Dev, runtime: tempfile::TempDir) -> Self {
        dev.data_until("logs").await;
        let environment = environment(runtime.path()).await;
        let http = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { dev, runtime, environment, http }
    }

    /// A part's address, by the name of its environment variable.
    pub(crate) fn address(&self, name: &str) -> &str {
        &self.environment[name]
    }

    /// Runs the compiled program against this system.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        spillway(self.runtime.path()).args(args).envs(&self.environment).output().await.unwrap()
    }

    /// Runs it for its JSON, which must come with this exit code.
    pub(crate) async fn rows(&self, args: &[&str], code: i32) -> Value {
        let output = self.run(&[args, &["-o", "json"]].concat()).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// Posts a command; gives status, position and body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, String, Value) {
        let url = format!("{}{path}", self.address("SPILLWAY_URL"));
        let key = uuid::Uuid::new_v4().to_string();
        let request = self.http.post(url).header("Idempotency-Key", key);
        let request = request.header("Prefer", "wait=5").json(body);
        let answer = request.send().await.unwrap();
        let position = answer.headers().get("spillway-position");
        let position = position.map(|p| p.to_str().unwrap().to_owned()).unwrap_or_default();
        (answer.status(), position, answer.json().await.unwrap())
    }

    /// Reads at a position or later; at any where it is empty.
    pub(crate) async fn get_at(&self, path: &str, position: &str) -> Value {
        let url = format!("{}{path}", self.address("SPILLWAY_URL"));
        let level = async {
            loop {
                let mut request = self.http.get(&url);
                if !position.is_empty() {
                    request = request.header("Spillway-Position", position);
                }
                let answer = request.send().await.unwrap();
                if answer.status() == StatusCode::OK {
                    return answer.json().await.unwrap();
                }
            }
        };
        timeout(LEVEL_WITHIN, level).await.unwrap_or_else(|_| panic!("{path} was not seen"))
    }

    /// A page of one of the processes, once it says what is waited for.
    pub(crate) async fn page(&self, process: usize, path: &str, until: impl Fn(&str) -> bool) {
        // It ends with 1 while a process is not ready.
        let status = self.run(&["status", "-o", "json"]).await;
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        let base = status["processes"][process]["url"].as_str().unwrap().to_owned();
        let mut last = String::new();
        let level = async {
            loop {
                last = self
                    .http
                    .get(format!("{base}{path}"))
                    .send()
                    .await
                    .unwrap()
                    .text()
                    .await
                    .unwrap();
                if until(&last) {
                    return;
                }
            }
        };
        let reached = timeout(LEVEL_WITHIN, level).await;
        assert!(reached.is_ok(), "{path}: {last}");
    }

    /// A product with stock.
    pub(crate) async fn stock(&self, sku: &str, price: i64, quantity: i64) {
        let price = json!({"amount": price, "currency": "EUR"});
        let product = json!({"sku": sku, "name": sku, "price": price});
        assert_eq!(self.post("/v1/products", &product).await.0, StatusCode::CREATED);
        let receipt = json!({"reference": "first", "quantity": quantity});
        let path = format!("/v1/products/{sku}/receipts");
        assert!(self.post(&path, &receipt).await.0.is_success());
    }

    pub(crate) async fn stop(mut self) {
        let processes = descendants::of(self.dev.id());
        let (ended, words) = self.dev.stop(Signal::SIGTERM).await;
        assert!(ended.success(), "{ended}: {}", words.join("\n"));
        descendants::wait_until_gone(&processes).await;
    }
}

async fn environment(runtime: &Path) -> BTreeMap<String, String> {
    let output = run(runtime, &["status", "-o", "env"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}
