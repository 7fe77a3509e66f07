//! How copies of commands are sent, each in one of three ways, and what comes back.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;

use super::history::{Ask, Attempt, Heard, Told, Way};
use crate::{Answer, Client};

/// Above every wait that a command-api has of its own, so that its word is heard.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// The way to the system, and how long its answers are waited for.
#[derive(Debug)]
pub(super) struct Post {
    /// One for each command-api.
    instances: Arc<[Client]>,
    patience: Duration,
    began: Instant,
}

impl Post {
    pub(super) fn new(instances: Arc<[Client]>, began: Instant) -> Self {
        Self { instances, patience: ANSWER_WITHIN, began }
    }

    /// The same, with other patience.
    pub(super) fn waiting(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn instances(&self) -> usize {
        self.instances.len()
    }

    /// Sends one copy.
    pub(super) async fn send(&self, ask: &Ask, instance: usize, way: Way) -> Attempt {
        if way == Way::Bulk {
            let mut attempts = self.send_lines(&[ask], instance).await;
            return attempts.remove(0);
        }
        let post = self.instances[instance].post(&ask.wish.path()).timeout(self.patience);
        let mut request = post.header("idempotency-key", &ask.key).json(&ask.wish.body());
        if let Some(version) = ask.if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if way == Way::Async {
            request = request.header("prefer", "respond-async");
        }
        let began = self.began.elapsed();
        let heard = match Answer::to(request).await {
            Ok(answer) => Heard::Told(Told::of(&answer)),
            Err(error) => Heard::Nothing(format!("{error:#}")),
        };
        Attempt { instance, way, span: (began, self.began.elapsed()), heard }
    }

    /// Sends a copy of each as one stream of bulk intake; one attempt for each, in their order.
    pub(super) async fn send_lines(&self, asks: &[&Ask], instance: usize) -> Vec<Attempt> {
        let lines = asks.iter().map(|ask| format!("{}\n", ask.wish.line(&ask.key, ask.if_match)));
        let post = self.instances[instance].post("/v1/commands").timeout(self.patience);
        let request = post.header("content-type", "application/x-ndjson");
        let request = request.body(lines.collect::<String>());
        let began = self.began.elapsed();
        let (answered, end) = answers(request).await;
        let span = (began, self.began.elapsed());
        let heard = |ask: &&Ask| match answered.get(&ask.key) {
            Some(told) => Heard::Told(told.clone()),
            None => Heard::Nothing(end.clone()),
        };
        let attempt = |heard| Attempt { instance, way: Way::Bulk, span, heard };
        asks.iter().map(|ask| attempt(heard(ask))).collect()
    }

    /// Looks a command up; `None` unless its outcome is shown.
    pub(super) async fn look_up(&self, ask: &Ask) -> Option<Value> {
        let answer = self.query(&format!("/v1/commands/{}", ask.command_id), None).await?;
        (answer.status == 200).then_some(answer.body)
    }

    /// Asks a query, behind a position or not; `None` without an answer.
    pub(super) async fn query(&self, path: &str, position: Option<&str>) -> Option<Answer> {
        let mut query = self.instances[0].query(Method::GET, path).timeout(self.patience);
        if let Some(position) = position {
            query = query.header("spillway-position", position);
        }
        Answer::to(query).await.ok()
    }
}

/// The answered lines by their keys, and why there are no more of them.
async fn answers(request: reqwest::RequestBuilder) -> (BTreeMap<String, Told>, String) {
    let mut text = Vec::new();
    let end = match read(request, &mut text).await {
        Ok(status) => format!("the stream of status {status} ended without a line for it"),
        Err(error) => format!("{error:#}"),
    };
    // A line that the end of the connection has cut is no answer.
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let told = whole.filter_map(|line| {
        let line: Value = serde_json::from_slice(line).ok()?;
        Some((line["idempotency_key"].as_str()?.to_owned(), Told::of_line(&line)?))
    });
    (told.collect(), end)
}

async fn read(request: reqwest::RequestBuilder, text: &mut Vec<u8>) -> anyhow::Result<u16> {
    let mut response = request.send().await?;
    while let Some(chunk) = response.chunk().await? {
        text.extend_from_slice(&chunk);
    }
    Ok(response.status().as_u16())
}
