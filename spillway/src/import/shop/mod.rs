//! A patient client of the base URL: the same request, with the same key, until it is decided.
//!
//! A request that got no answer may have been carried out or not. Because every try carries the
//! same `Idempotency-Key` and body, another try either carries it out or gets the answer that was
//! lost; that is what lets an import survive the death of the process it talks to.

mod answer;
mod attempt;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::{Url, header::HeaderValue};
use serde::{Serialize, de::DeserializeOwned};

use self::attempt::{Unanswered, attempt, shown};
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
    /// How long one request is tried.
    patience: Duration,
}

/// A request that did not come to a decision; what was decided before stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{request} was not decided within {patience:?}; the last try: {why}")]
    GaveUp { request: String, patience: Duration, why: String },
    #[error("{request}: {why}")]
    Unexpected { request: String, why: String },
}

impl Shop {
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(base: Url, patience: Duration) -> anyhow::Result<Self> {
        Ok(Self { http: connect::local_http()?, base, patience })
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

    /// Posts a command to the path made of `segments`, until it is decided.
    ///
    /// # Errors
    /// It is not decided within the patience, or the answer is none of a Spillway.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        key: &str,
        body: &impl Serialize,
    ) -> Result<Decided<T>, Failure> {
        let url = self.url(segments);
        let name = format!("POST {}", url.path());
        let post = || {
            attempt(self.http.post(url.clone()).header("idempotency-key", key).json(body).send())
        };
        self.patiently(name, post).await
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
        let mut url = self.base.clone();
        // Only a URL without a host has no path; the arguments allow none such.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}
