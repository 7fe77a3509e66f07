//! An answer over HTTP, with the questions that tests ask of it.

use anyhow::Context as _;
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// The last segment of the problem type; empty where the document is no problem.
pub(crate) fn problem_code(body: &Value) -> &str {
    let problem = body["type"].as_str().unwrap_or_default();
    problem.strip_prefix("/problems/").unwrap_or_default()
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON of the body; null without one, a string where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Sends a request and takes the answer.
    ///
    /// # Errors
    /// The transport failed: whether the request was carried out is unknown.
    pub async fn to(request: RequestBuilder) -> anyhow::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = match text.as_str() {
            "" => Value::Null,
            _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        Ok(Self { status, headers, body })
    }

    /// A header's text; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The last segment of the problem type; empty where the answer is no problem.
    #[must_use]
    pub fn code(&self) -> &str {
        problem_code(&self.body)
    }

    /// What a query carries to see what this command did.
    ///
    /// # Errors
    /// The answer has none.
    pub fn position(&self) -> anyhow::Result<&str> {
        let position = self.headers.get("spillway-position").context("no Spillway-Position")?;
        Ok(position.to_str()?)
    }

    /// Asserts the status.
    #[must_use]
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:?}", self.body, self.headers);
        self
    }

    /// Asserts that this is a whole problem document of that type.
    #[must_use]
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
        assert_eq!(answer.code(), code, "{}", answer.body);
        assert_eq!(answer.body["status"], status, "{}", answer.body);
        for member in ["title", "retry", "instance"] {
            assert!(answer.body[member].is_string(), "{member} is missing: {}", answer.body);
        }
        answer
    }
}
