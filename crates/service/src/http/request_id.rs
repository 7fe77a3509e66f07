//! The request id: one name for a request in the client's, our and the operator's hands.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Header in which a client may send its id and always gets the one used.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a client; it is copied into logs and answers.
const LENGTH_MAX: usize = 128;

/// Id of one request: 1 to 128 characters of `[A-Za-z0-9._~-]`. Also a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

tokio::task_local! {
    /// The request that the current task answers. Task-local, so that a problem made deep inside
    /// a handler names its request without carrying the id through every call.
    static CURRENT: RequestId;
}

impl RequestId {
    /// The id of the request that the current task answers; `None` in other tasks.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client's id, or one of our own when it sent none or one that would be unsafe to echo.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match sent.filter(|text| is_plain(text)) {
            Some(text) => Self(text.into()),
            None => Self(Uuid::now_v7().to_string().into()),
        }
    }

    /// The id as a header; `None` never happens for the characters an id may have.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }

    /// Runs `answer` with this as the current request.
    pub(super) fn scope<F: Future>(self, answer: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, answer)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Unreserved URI characters only: such a text is harmless in logs, headers and references.
fn is_plain(text: &str) -> bool {
    (1..=LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_plain_id_is_kept_and_any_other_replaced() {
        assert_eq!(of("order-7.try_2~a").as_str(), "order-7.try_2~a");
        for text in ["", "a b", "a\"b", "../x", &"x".repeat(129)] {
            assert_ne!(of(text).as_str(), text);
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
