//! One try of a command or a query: decided, or why not yet.

use std::{error::Error, fmt::Write as _, time::Duration};

use domain::order::Status;
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::de::DeserializeOwned;

use super::answer::{Decided, Order, Refusal};

/// Carries how far a command's events are, so that a query shows them.
pub(in crate::import) const POSITION: &str = "spillway-position";
/// As much of an answer as a sentence quotes.
const QUOTE_CHARS: usize = 200;

/// A whole answer, to a query or to a command of a batch.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// JSON, if it is one of a Spillway.
    pub(super) body: Vec<u8>,
    pub(super) position: Option<HeaderValue>,
    /// How long it asks to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Answered {
    /// Reads a response to its end.
    pub(super) async fn of(response: Response) -> Result<Self, Unanswered> {
        let (status, headers) = (response.status(), response.headers().clone());
        // A line that is cut inside the answer leaves it as unknown as one cut before.
        let body = response.bytes().await.map_err(broken)?.into();
        let position = headers.get(POSITION).cloned();
        Ok(Self { status, body, position, retry_after: retry_after(&headers) })
    }
}

/// Why a try has no decision.
#[derive(Debug, Clone)]
pub(super) enum Unanswered {
    /// Another try may have one.
    Passing {
        why: String,
        /// How long the answer asks to wait.
        retry_after: Option<Duration>,
    },
    /// Another try will end the same way.
    ForGood { why: String },
}

impl Unanswered {
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Unanswered::Passing { .. })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Unanswered::Passing { retry_after, .. } => *retry_after,
            Unanswered::ForGood { .. } => None,
        }
    }

    pub(super) fn passing(why: impl Into<String>) -> Self {
        Unanswered::Passing { why: why.into(), retry_after: None }
    }

    pub(super) fn strange(status: StatusCode, body: &[u8], why: &str) -> Self {
        Unanswered::ForGood { why: format!("{why}: {}", quote(status, body)) }
    }
}

/// What an answer decides.
pub(super) fn decided<T: DeserializeOwned>(answered: Answered) -> Result<Decided<T>, Unanswered> {
    let Answered { status, body, position, retry_after } = answered;
    let decided = |verdict| Decided { verdict, position };
    match meaning(status, &body) {
        Meaning::Done => match serde_json::from_slice(&body) {
            Ok(done) => Ok(decided(Ok(done))),
            Err(error) => Err(Unanswered::strange(status, &body, &error.to_string())),
        },
        Meaning::Refused(refusal) => Ok(decided(Err(refusal))),
        Meaning::NotYet => {
            let why = quote(status, &body);
            Err(Unanswered::Passing { why, retry_after })
        }
        Meaning::Strange => Err(Unanswered::strange(status, &body, "no answer of a Spillway")),
    }
}

/// What an answer to a whole batch says of each of its lines: nothing is decided, whatever the
/// request is refused for.
pub(super) fn undecided(answered: Answered) -> Unanswered {
    let Answered { status, body, retry_after, .. } = answered;
    match meaning(status, &body) {
        Meaning::NotYet => Unanswered::Passing { why: quote(status, &body), retry_after },
        _ => Unanswered::strange(status, &body, "the batch was not taken"),
    }
}

/// Waits for an order of whose placement the write side knows: the read side may be behind.
pub(super) async fn shown(
    sent: impl Future<Output = reqwest::Result<Response>>,
) -> Result<Order, Unanswered> {
    let answered = Answered::of(sent.await.map_err(broken)?).await?;
    match decided::<Order>(answered)?.verdict {
        Ok(order) if order.status == Status::Placed => {
            Err(Unanswered::passing("the order waits for its stock"))
        }
        Ok(order) => Ok(order),
        Err(refusal) if refusal.code() == "unknown-order" => {
            Err(Unanswered::passing("the order is not shown"))
        }
        Err(refusal) => Err(Unanswered::ForGood { why: refusal.to_string() }),
    }
}

/// What an answer says.
enum Meaning {
    Done,
    Refused(Refusal),
    /// Nothing definitive: another try is safe.
    NotYet,
    Strange,
}

fn meaning(status: StatusCode, body: &[u8]) -> Meaning {
    let problem = || serde_json::from_slice::<Refusal>(body).ok();
    match status {
        // 202: the command is in the log and not known decided; the repeat attaches to it.
        StatusCode::ACCEPTED
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Meaning::NotYet,
        _ if status.is_success() => Meaning::Done,
        // With a key every repeat is safe, whatever the fault; a few are known to stay.
        _ if status.is_server_error() => match problem() {
            Some(refusal) if refusal.stays() => Meaning::Refused(refusal),
            _ => Meaning::NotYet,
        },
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => match problem() {
            // `not-found` is said of a path that does not exist, not of an order or a product.
            Some(refusal) if refusal.is_ours() && refusal.code() != "not-found" => {
                Meaning::Refused(refusal)
            }
            _ => Meaning::Strange,
        },
        _ => Meaning::Strange,
    }
}

/// Every error of the transport may pass, apart from a request that cannot be made.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
pub(super) fn broken(error: reqwest::Error) -> Unanswered {
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        // Writing to a string does not fail.
        let _ = write!(why, ": {source}");
        cause = source.source();
    }
    if error.is_builder() { Unanswered::ForGood { why } } else { Unanswered::passing(why) }
}

fn quote(status: StatusCode, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(QUOTE_CHARS).collect();
    format!("{status} {text}").trim_end().to_owned()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(status: u16, body: &str) -> &'static str {
        match meaning(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
            Meaning::Done => "done",
            Meaning::Refused(_) => "refused",
            Meaning::NotYet => "not yet",
            Meaning::Strange => "strange",
        }
    }

    #[test]
    fn every_answer_has_one_meaning() {
        let problem = |code| format!(r#"{{"type":"/problems/{code}","retry":"safe"}}"#);
        let stays = r#"{"type":"/problems/internal","retry":"never"}"#;
        for (status, body, meaning) in [
            (201, "{}", "done"),
            (202, "{}", "not yet"),
            (425, "", "not yet"),
            (429, "", "not yet"),
            (500, "", "not yet"),
            (502, "<html>", "not yet"),
            (503, &problem("outcome-unknown"), "not yet"),
            (500, stays, "refused"),
            (409, &problem("out-of-stock"), "refused"),
            (409, "", "strange"),
            (404, &problem("unknown-order"), "refused"),
            (404, &problem("not-found"), "strange"),
            (404, r#"{"type":"about:blank"}"#, "strange"),
            (405, &problem("method-not-allowed"), "strange"),
            (302, "", "strange"),
        ] {
            assert_eq!(say(status, body), meaning, "{status} {body}");
        }
    }

    #[test]
    fn what_refuses_a_batch_refuses_no_command() {
        let whole = |status, code: &str, retry: &str| {
            undecided(Answered {
                status,
                body: format!(r#"{{"type":"/problems/{code}","retry":"{retry}"}}"#).into_bytes(),
                position: None,
                retry_after: Some(Duration::from_secs(1)),
            })
        };
        let unavailable = whole(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "safe");
        assert_eq!(unavailable.retry_after(), Some(Duration::from_secs(1)));
        assert!(unavailable.may_change());
        assert!(!whole(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "never").may_change());
    }

    #[test]
    fn only_seconds_are_read_of_retry_after() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
