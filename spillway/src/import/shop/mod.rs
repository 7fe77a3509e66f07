//! A patient client of the base URL: the same command, with the same key, until it is decided.
//!
//! Commands go through bulk intake, queries one by one. A command that got no answer may have been
//! carried out or not. Because every try carries the same idempotency key and members, another try
//! either carries it out or gets the answer that was lost; that is what lets an import survive the
//! death of the process it talks to.

mod answer;
mod attempt;
mod intake;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::{Url, header::HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::attempt::{Unanswered, decided, shown};
use self::intake::Intake;
pub(super) use self::{
    answer::{Decided, Line, Order, Placed, RefusedLine},
    attempt::POSITION,
};
use crate::connect;

/// Pauses between tries: short enough to be unnoticed, long enough to let a process start.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(2))
    .with_jitter()
    .without_max_times();
/// A longer `Retry-After` is not believed: what it waits for may be over sooner.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// The shop behind one base URL.
#[derive(Debug)]
pub(super) struct Shop {
    http: reqwest::Client,
    base: Url,
    intake: Intake,
    /// How long one command or query is tried.
    patience: Duration,
}

/// A command or query that did not come to a decision; what was decided before stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{request} was not decided within {patience:?}; the last try: {why}")]
    GaveUp { request: String, patience: Duration, why: String },
    #[error("{request}: {why}")]
    Unexpected { request: String, why: String },
}

impl Shop {
    /// Needs a runtime, for the task that sends commands.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(base: Url, patience: Duration) -> anyhow::Result<Self> {
        let http = connect::local_http()?;
        let intake = Intake::start(connect::local_streams()?, url(&base, &["v1", "commands"]));
        Ok(Self { http, base, intake, patience })
    }

    /// Looks once whether anything listens, so that a wrong URL is told at once.
    ///
    /// # Errors
    /// Nothing answers there.
    pub(super) async fn knock(&self) -> anyhow::Result<()> {
        let answer = self.http.get(self.url(&["livez"])).send().await;
        answer.map(drop).with_context(|| {
            format!("nothing answers at {}: run `spillway dev`, or pass --url", self.base)
        })
    }

    /// Sends a command until it is decided; `members` are those of its own route, with the id that
    /// stands in its path.
    ///
    /// # Errors
    /// It is not decided within the patience, or the answer is none of a Spillway.
    pub(super) async fn command<T: DeserializeOwned>(
        &self,
        command: &str,
        key: &str,
        members: Value,
    ) -> Result<Decided<T>, Failure> {
        let mut line = members;
        line["command"] = command.into();
        line["idempotency_key"] = key.into();
        let send = || async { decided(self.intake.send(&line).await?) };
        self.patiently(format!("{command} with the key {key}"), send).await
    }

    /// Reads an order whose placement was decided, at `position` or later.
    ///
    /// # Errors
    /// It does not appear within the patience, or the answer is none of a Spillway.
    pub(super) async fn order(
        &self,
        order_id: &str,
        position: Option<&HeaderValue>,
    ) -> Result<Order, Failure> {
        let url = self.url(&["v1", "orders", order_id]);
        let name = format!("GET {}", url.path());
        let get = || {
            let request = self.http.get(url.clone());
            let request = match position {
                Some(position) => request.header(POSITION, position),
                None => request,
            };
            shown(request.send())
        };
        self.patiently(name, get).await
    }

    /// Tries until there is a decision, with longer and longer pauses, and at least as long ones as
    /// the answers ask for.
    async fn patiently<T, F: Future<Output = Result<T, Unanswered>>>(
        &self,
        request: String,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let patience = self.patience;
        let tries = (|| attempt())
            .retry(BACKOFF)
            .when(|why: &Unanswered| why.may_change() && begun.elapsed() < patience)
            .adjust(|why, pause| {
                let asked = why.retry_after().unwrap_or_default().min(RETRY_AFTER_MAX);
                pause.map(|pause| pause.max(asked))
            });
        tries.await.map_err(|why| match why {
            Unanswered::Passing { why, .. } => Failure::GaveUp { request, patience, why },
            Unanswered::ForGood { why } => Failure::Unexpected { request, why },
        })
    }

    fn url(&self, segments: &[&str]) -> Url {
        url(&self.base, segments)
    }
}

fn url(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Only a URL without a host has no path; the arguments allow none such.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
