//! A patient client of the base URL: the same request, with the same key, until it is answered.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::connect;

/// Between two tries; a starting system needs a moment, not minutes.
const RETRY_MAX: Duration = Duration::from_secs(1);
const RETRY_MIN: Duration = Duration::from_millis(50);
const POSITION: &str = "spillway-position";

#[derive(Debug)]
pub(crate) struct Shop {
    http: reqwest::Client,
    base_url: String,
}

/// A definitive answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
    /// What a query must carry to see this command.
    pub(crate) position: Option<String>,
}

impl Shop {
    pub(crate) fn new(base_url: &str) -> anyhow::Result<Self> {
        Ok(Self { http: connect::local_http()?, base_url: base_url.to_owned() })
    }

    /// Posts a command until it is decided. The key makes every try the same command.
    ///
    /// # Errors
    /// A transport error that is not about connecting, or an answer that is no JSON.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .header("Idempotency-Key", key)
            .json(body);
        self.until_definitive(request).await.with_context(|| format!("POST {path}"))
    }

    /// Waits until the read model shows an order, at `position` or later.
    pub(crate) async fn see(&self, order: &str, position: Option<&str>) -> anyhow::Result<()> {
        let path = format!("/v1/orders/{order}");
        let mut request = self.http.get(format!("{}{path}", self.base_url));
        if let Some(position) = position {
            request = request.header(POSITION, position);
        }
        let answer = self.until_definitive(request).await;
        answer.and_then(|answer| answer.done_or(&[])).with_context(|| format!("GET {path}"))
    }

    async fn until_definitive(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        loop {
            let request = request.try_clone().context("the request has a stream")?;
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            if is_definitive(status) {
                let body = response.json().await.context("the answer is no JSON")?;
                let position = text(&headers, POSITION);
                return Ok(Answer { status, body, position });
            }
            tokio::time::sleep(pause(&headers)).await;
        }
    }
}

impl Answer {
    pub(crate) fn is_done(&self) -> bool {
        self.status.is_success()
    }

    /// Accepts an answer that says done, or that refuses for one of these reasons.
    pub(crate) fn done_or(&self, reasons: &[&str]) -> anyhow::Result<()> {
        let reason = self.body["type"].as_str().and_then(|problem| problem.rsplit('/').next());
        if self.is_done() || reason.is_some_and(|reason| reasons.contains(&reason)) {
            Ok(())
        } else {
            bail!("{} {}", self.status, self.body)
        }
    }

    /// The body that pays the placed order's total.
    pub(crate) fn payment(&self) -> anyhow::Result<Value> {
        let total = &self.body["total"];
        if total["amount"].is_i64() && total["currency"].is_string() {
            Ok(json!({
                "reference": "sample-payment",
                "amount": total["amount"],
                "currency": total["currency"],
            }))
        } else {
            bail!("the placed order has no total: {}", self.body)
        }
    }
}

/// Whether asking again cannot change the answer.
fn is_definitive(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::ACCEPTED
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
    )
}

fn pause(headers: &HeaderMap) -> Duration {
    text(headers, header::RETRY_AFTER.as_str())
        .and_then(|seconds| seconds.parse().ok())
        .map_or(RETRY_MIN, Duration::from_secs)
        .clamp(RETRY_MIN, RETRY_MAX)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), body, position: None }
    }

    #[test]
    fn a_refusal_counts_only_for_the_reasons_that_are_named() {
        let refused = answer(409, json!({"type": "/problems/out-of-stock"}));
        assert!(refused.done_or(&["order-exists", "out-of-stock"]).is_ok());
        let error = refused.done_or(&["order-exists"]).unwrap_err().to_string();
        assert!(error.contains("out-of-stock"), "{error}");
        assert!(answer(201, json!({})).done_or(&[]).is_ok());
    }

    #[test]
    fn a_payment_is_exactly_the_total() {
        let placed = answer(201, json!({"total": {"amount": 29_800, "currency": "EUR"}}));
        assert_eq!(placed.payment().unwrap()["amount"], 29_800);
        assert!(answer(201, json!({"total": null})).payment().is_err());
    }

    #[test]
    fn an_answer_that_may_change_is_asked_for_again_soon() {
        for status in [202, 425, 429, 502, 503] {
            assert!(!is_definitive(StatusCode::from_u16(status).unwrap()));
        }
        assert!(is_definitive(StatusCode::CONFLICT));
        let mut headers = HeaderMap::new();
        assert_eq!(pause(&headers), RETRY_MIN);
        headers.insert(header::RETRY_AFTER, "30".parse().unwrap());
        assert_eq!(pause(&headers), RETRY_MAX);
    }
}
