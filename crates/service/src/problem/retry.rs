//! Whether a request may be sent again.

use http::{HeaderMap, Method};
use serde::Serialize;

/// What sending the same request again, with the same `Idempotency-Key` if it has one, may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// It cannot take effect twice and may succeed; honour `Retry-After` if there is one.
    Safe,
    /// What became of the first is unknown, and the second may take effect too.
    Unsafe,
    /// It takes no effect and gets the same answer, until the request is changed.
    Never,
}

impl Retry {
    /// After a fault with unknown effect: safe when the method promises to be idempotent, or when
    /// the client sent a key by which the repeat is recognised.
    #[must_use]
    pub fn after_fault(method: &Method, headers: &HeaderMap) -> Self {
        let recognised = headers.contains_key("idempotency-key");
        if method.is_idempotent() || recognised { Self::Safe } else { Self::Unsafe }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn after_a_fault_only_a_recognisable_repeat_is_safe() {
        let mut headers = HeaderMap::new();
        assert_eq!(Retry::after_fault(&Method::GET, &headers), Retry::Safe);
        assert_eq!(Retry::after_fault(&Method::POST, &headers), Retry::Unsafe);
        headers.insert("idempotency-key", HeaderValue::from_static("k-1"));
        assert_eq!(Retry::after_fault(&Method::POST, &headers), Retry::Safe);
    }
}
