//! The JSON of a problem.

use http::Uri;
use problem_details::ProblemDetails;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::RequestId;

use super::{Parts, Retry};

/// The document as it is sent.
pub type Body = ProblemDetails<Members>;

/// The members beyond those of RFC 9457.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Members {
    /// What sending the request again may do.
    pub retry: Retry,
    /// Everything wrong in the request, not only the first; left out when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Members of one kind only, such as `lines`.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One thing that is wrong in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request body; empty for the body as a whole, and
    /// `/header/<name>` for a header.
    pub pointer: String,
    /// What is wrong there and what is allowed.
    pub detail: String,
}

impl FieldError {
    /// A fault of a header, by its name as people write it.
    #[must_use]
    pub fn header(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("/header/{name}"), detail: detail.into() }
    }
}

impl Members {
    pub(super) fn new(retry: Retry) -> Self {
        Self { retry, errors: Vec::new(), other: Map::new() }
    }
}

pub(super) fn document(parts: Parts) -> Body {
    let type_uri = parts.kind.uri();
    ProblemDetails {
        r#type: Some(type_uri.into()),
        status: Some(parts.kind.status),
        title: Some(parts.kind.title.into_owned()),
        detail: parts.detail,
        instance: RequestId::current().and_then(|id| instance(&id)),
        extensions: parts.members,
    }
}

/// Request ids consist of unreserved URI characters, so this is a reference for every one of them.
fn instance(id: &RequestId) -> Option<Uri> {
    Uri::try_from(format!("/requests/{id}")).ok()
}
