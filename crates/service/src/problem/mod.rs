//! Problem documents (RFC 9457): the one form of every HTTP error.
//!
//! ```json
//! {"type": "/problems/out-of-stock", "title": "Not enough stock", "status": 409,
//!  "detail": "Two lines cannot be reserved.", "instance": "/requests/0199…",
//!  "retry": "never", "lines": [{"line": 1, "sku": "TICKET", "available": 3}]}
//! ```
//!
//! - `type` is a relative reference, `/problems/<slug>`: stable, independent of the host that
//!   serves it, resolved against the base URL like every `Location` of the API.
//! - `instance` is `/requests/<request id>`, the id that `X-Request-Id` and the logs carry.
//! - `retry` says what sending the request again may do: see [`Retry`].
//! - `errors` lists what is wrong in the request, each with a JSON pointer into its body.

mod body;
pub mod catalogue;
mod kind;
mod pages;
mod retry;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

pub use body::{Body, FieldError, Members};
pub use kind::{Kind, kinds};
pub use pages::pages;
pub use retry::Retry;

/// One HTTP error on its way to the client. Cheap to move: it is one pointer.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    detail: Option<String>,
    retry_after: Option<Duration>,
    members: Members,
}

impl Problem {
    /// A problem of this kind, with the kind's own word about retries.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let members = Members::new(kind.retry);
        Self(Box::new(Parts { kind, detail: None, retry_after: None, members }))
    }

    /// A sentence about this occurrence, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Another word about retries than the kind's.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.members.retry = retry;
        self
    }

    /// Sends `Retry-After`, rounded up to whole seconds: the earliest time that makes sense.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds one thing that is wrong. `pointer` is a JSON pointer (RFC 6901) into the request
    /// body, empty for the body as a whole.
    #[must_use]
    pub fn error(self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors([FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// Adds things that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.members.errors.extend(errors);
        self
    }

    /// The order lines concerned.
    #[must_use]
    pub fn lines(self, lines: impl Serialize) -> Self {
        self.member("lines", lines)
    }

    /// Adds an extension member. A value that JSON cannot express is left out and logged, because
    /// the client must get its answer.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.0.members.other.insert(name.to_owned(), value);
            }
            Err(error) => tracing::error!(name, %error, "A problem member cannot be JSON."),
        }
        self
    }

    /// The document alone, where there is no answer to send it as, such as the end of a stream.
    #[must_use]
    pub fn into_document(self) -> Body {
        body::document(*self.0)
    }

    /// Whole seconds after which sending the request again makes sense, if that is known.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        self.0.retry_after.map(whole_seconds)
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.kind.status
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.0.retry_after;
        let mut response = body::document(*self.0).into_response();
        if let Some(wait) = retry_after {
            let value = HeaderValue::from(whole_seconds(wait));
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

/// Rounded up: a client that comes back a moment too early is refused once more.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn document(problem: Problem) -> (http::HeaderMap, serde_json::Value) {
        let response = problem.into_response();
        let headers = response.headers().clone();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_problem_is_the_document_of_rfc_9457_with_its_members() {
        let kind =
            Kind::new("out-of-stock", StatusCode::CONFLICT, "Not enough stock", Retry::Never);
        let problem = Problem::new(kind)
            .detail("One line cannot be reserved.")
            .error("/lines/0/quantity", "3 are left")
            .lines([json!({"line": 1, "available": 3})]);
        let (headers, body) = document(problem).await;
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body,
            json!({
                "type": "/problems/out-of-stock",
                "title": "Not enough stock",
                "status": 409,
                "detail": "One line cannot be reserved.",
                "retry": "never",
                "errors": [{"pointer": "/lines/0/quantity", "detail": "3 are left"}],
                "lines": [{"line": 1, "available": 3}],
            })
        );
    }

    #[tokio::test]
    async fn a_wait_is_rounded_up_to_whole_seconds() {
        let problem = Problem::new(kinds::UNAVAILABLE).retry_after(Duration::from_millis(1_200));
        let (headers, body) = document(problem).await;
        assert_eq!(headers[header::RETRY_AFTER], "2");
        assert_eq!(body["retry"], "safe");
    }

    #[tokio::test]
    async fn a_slug_that_came_from_elsewhere_cannot_break_the_answer() {
        let kind =
            Kind::named("no slug\u{7}".to_owned(), StatusCode::CONFLICT, "Refused".to_owned());
        let (_, body) = document(Problem::new(kind)).await;
        assert_eq!(body["type"], "about:blank");
    }
}
