//! `Prefer: wait=N` (RFC 7240): how long the client lets a query wait for what it has written.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue};

static PREFER: HeaderName = HeaderName::from_static("prefer");
static APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long queries wait.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// Where the client says nothing.
    pub usual: Duration,
    /// The most that a client gets.
    pub max: Duration,
}

/// The wait that the client prefers, within the cap; kept in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preferred(pub(super) Duration);

/// Reads the preference for the handlers and says in the answer, whatever it is, what became of it.
pub(super) async fn apply(
    State(waits): State<Waits>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(seconds) = wait_seconds(request.headers()) else {
        return next.run(request).await;
    };
    let seconds = seconds.min(waits.max.as_secs());
    request.extensions_mut().insert(Preferred(Duration::from_secs(seconds)));
    let mut response = next.run(request).await;
    if let Ok(applied) = HeaderValue::from_str(&format!("wait={seconds}")) {
        response.headers_mut().insert(APPLIED.clone(), applied);
    }
    response
}

/// The first `wait` that is a number. Preferences that are unknown or unreadable are passed over,
/// as the RFC demands.
fn wait_seconds(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all(&PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            let is_wait = name.trim().eq_ignore_ascii_case("wait");
            is_wait.then(|| value.trim().trim_matches('"').parse().ok()).flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER.clone(), HeaderValue::from_static(value));
        }
        wait_seconds(&headers)
    }

    #[test]
    fn the_first_readable_wait_counts() {
        assert_eq!(seconds(&["wait=5"]), Some(5));
        assert_eq!(seconds(&["respond-async, Wait = \"7\"; x=1"]), Some(7));
        assert_eq!(seconds(&["handling=lenient", "wait=3"]), Some(3));
        assert_eq!(seconds(&["wait=soon"]), None);
        assert_eq!(seconds(&[]), None);
    }
}
