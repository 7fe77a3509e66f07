//! Answers that carry a representation: ETag, cache rules, `304` for a client that has it already.

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
};
use serde::Serialize;

use super::error::Error;

/// How long others may keep an answer; as a header value, its `Cache-Control`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// What belongs to a customer: only in the customer's own cache, and asked for again each time.
    Own,
    /// The catalogue: shared caches take the load of a spike off PostgreSQL, and are at most a
    /// second behind, or six while they fetch anew.
    Shared,
    /// What never changes once it is there.
    Final,
    /// What changes with releases only.
    Release,
}

impl From<Keep> for HeaderValue {
    fn from(keep: Keep) -> Self {
        HeaderValue::from_static(match keep {
            Keep::Own => "private, max-age=0, must-revalidate",
            Keep::Shared => "public, max-age=1, stale-while-revalidate=5",
            Keep::Final => "private, max-age=3600, immutable",
            Keep::Release => "public, max-age=300, stale-while-revalidate=3600",
        })
    }
}

/// Answers an aggregate, whose version is the ETag that commands take in `If-Match`.
pub(super) fn versioned(
    request: &HeaderMap,
    version: i64,
    keep: Keep,
    body: &impl Serialize,
) -> Result<Response, Error> {
    Ok(kept(request, version, keep, to_bytes(body)?.into()))
}

/// Answers an aggregate that is written already.
pub(super) fn kept(request: &HeaderMap, version: i64, keep: Keep, body: Bytes) -> Response {
    let tag = format!("\"{version}\"");
    if holds(request, &tag) {
        return not_modified(&tag, keep);
    }
    tagged(json(body), &tag, keep)
}

/// Answers anything else; the ETag is taken from the bytes, and weak because no command takes it.
pub(super) fn hashed(
    request: &HeaderMap,
    keep: Keep,
    body: &impl Serialize,
) -> Result<Response, Error> {
    let bytes = to_bytes(body)?;
    let tag = format!("W/\"{}\"", &blake3::hash(&bytes).to_hex()[..16]);
    if holds(request, &tag) {
        return Ok(not_modified(&tag, keep));
    }
    Ok(tagged(json(bytes.into()), &tag, keep))
}

/// How many keys of what the answer shows wait behind a dead letter, so that they are shown as they
/// were before.
static PARKED: HeaderName = HeaderName::from_static("spillway-parked");

/// Says in the answer that it shows `keys` keys as they were before their dead letters.
pub(super) fn note_parked(mut response: Response, keys: u64) -> Response {
    if keys > 0 {
        response.headers_mut().insert(PARKED.clone(), keys.into());
    }
    response
}

fn to_bytes(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body).map_err(Error::Unwritable)
}

fn json(bytes: Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(bytes))
        .into_response()
}

fn not_modified(tag: &str, keep: Keep) -> Response {
    tagged(StatusCode::NOT_MODIFIED.into_response(), tag, keep)
}

fn tagged(mut response: Response, tag: &str, keep: Keep) -> Response {
    let headers = response.headers_mut();
    // A tag is made of digits, quotes and letters, which every header takes.
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, keep.into());
    // The position is part of the question: a cache must not answer it with what it fetched for
    // another one.
    headers.insert(VARY, HeaderValue::from_static("Spillway-Position"));
    response
}

/// Whether the client holds this representation: `If-None-Match` compares weakly (RFC 9110, 13.1.2).
fn holds(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || opaque(held) == opaque(tag))
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(value: &'static str, tag: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static(value));
        holds(&headers, tag)
    }

    #[test]
    fn a_held_tag_is_found_in_any_form() {
        assert!(held("\"3\"", "\"3\""));
        assert!(held("W/\"3\"", "\"3\""));
        assert!(held("\"1\", \"3\"", "W/\"3\""));
        assert!(held("*", "\"3\""));
        assert!(!held("\"33\"", "\"3\""));
        assert!(!held("3", "\"3\""));
        assert!(!holds(&HeaderMap::new(), "\"3\""));
    }
}
