//! What is wrong with one part of a request. All faults are answered at once.

/// A fault and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// JSON pointer into the request: `/query/limit`, `/header/Spillway-Position`,
    /// `/path/command_id`, `/arguments/first`.
    pub(crate) pointer: String,
    /// A sentence that says what is allowed.
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn query(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("/query/{}", escape(name)), detail: detail.into() }
    }

    pub(crate) fn header(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("/header/{name}"), detail: detail.into() }
    }

    pub(crate) fn argument(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("/arguments/{name}"), detail: detail.into() }
    }

    pub(crate) fn path(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("/path/{name}"), detail: detail.into() }
    }
}

/// A member's name within a JSON pointer (RFC 6901, section 3).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
