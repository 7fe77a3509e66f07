//! What a line is answered with: the answer of its route, as one line of JSON.

use axum::body::{Bytes, to_bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderName, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::answer::{POSITION, REPLAYED};

/// The head of an answered line; the answer or the problem follows it as the last member.
#[derive(Debug, Serialize)]
struct Head<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// One answered line, as OpenAPI describes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documentation")]
pub(crate) struct LineAnswer {
    /// Number of the line in the request, from 1; empty lines count.
    line: u64,
    /// The line's own key; absent when it could not be read.
    idempotency_key: Option<String>,
    /// As the command's own route would answer it.
    #[schema(example = 201)]
    status: u16,
    /// As the header of that name.
    location: Option<String>,
    /// As the header of that name.
    etag: Option<String>,
    /// As the header `Spillway-Position`.
    position: Option<String>,
    /// `true` for the stored answer of an earlier request with the same key.
    replayed: Option<bool>,
    /// Seconds, as the header of that name.
    retry_after: Option<u64>,
    /// The body of a success, as the command's own route would answer it.
    #[schema(value_type = Option<Object>)]
    answer: Option<()>,
    /// The problem document of an error.
    #[schema(value_type = Option<Object>)]
    problem: Option<()>,
}

/// The line for a response, with its end.
pub(super) async fn line(number: u64, key: Option<&str>, response: Response) -> Bytes {
    let (parts, body) = response.into_parts();
    // Answers are whole JSON documents in memory.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = |name| text(&parts.headers, name);
    let head = Head {
        line: number,
        idempotency_key: key,
        status: parts.status.as_u16(),
        location: text(header::LOCATION),
        etag: text(header::ETAG),
        position: text(POSITION),
        replayed: text(REPLAYED).is_some(),
        retry_after: text(header::RETRY_AFTER).and_then(|seconds| seconds.parse().ok()),
    };
    let member: &[u8] = if parts.status.is_success() { b",\"answer\":" } else { b",\"problem\":" };
    // Plain values always become JSON.
    let mut line = serde_json::to_vec(&head).unwrap_or_default();
    line.pop();
    line.extend_from_slice(member);
    line.extend_from_slice(if body.is_empty() { b"null" } else { &body });
    line.extend_from_slice(b"}\n");
    line.into()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}
