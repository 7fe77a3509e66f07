//! From what became of a command to its HTTP answer.

mod body;
mod not_decided;
mod refused;

use axum::Json;
use axum::response::{IntoResponse, Response};
use events::Kind;
use events::outcome::Outcome;
use events::position;
use events::reply::{Answer, Reply};
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use service::problem::Problem;
use uuid::Uuid;

pub(crate) use body::{AcceptedAnswer, OrderAnswer, ProductAnswer};
pub(crate) use not_decided::{not_appended, probably_sold_out, too_large};

use super::request::{PREFERENCE_APPLIED, Patience};
use super::submit::Ending;

/// How far the answer's events are; a query that carries it sees them.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("spillway-position");
/// Says that the outcome was decided by an earlier request with the same key.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Every byte of a path segment but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the answer needs to know about the command.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) command_id: Uuid,
    pub(crate) kind: Kind,
    /// Identity of the aggregate.
    pub(crate) key: String,
    /// True for a command that brings its aggregate into being: it is answered 201.
    pub(crate) creates: bool,
    /// The first rules version that knows the command.
    pub(crate) rules: i32,
}

impl Subject {
    /// Where the aggregate is read, relative to the base URL.
    fn location(&self) -> String {
        format!("/v1/{}/{}", self.kind, utf8_percent_encode(&self.key, SEGMENT))
    }
}

/// The answer to a command; `patience` says which preferences were honoured.
pub(crate) fn answer(subject: &Subject, ending: Ending, patience: Patience) -> Response {
    let mut response = match ending {
        Ending::Replied(reply) => replied(subject, *reply),
        Ending::Appended => not_decided::accepted(subject),
        Ending::Unknown => not_decided::unknown().into_response(),
        Ending::NotAppended(reason) => not_appended(reason).into_response(),
    };
    if let Some(applied) = patience.applied() {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

fn replied(subject: &Subject, reply: Reply) -> Response {
    match (reply.answer, reply.outcome) {
        (Answer::Decided, Some(outcome)) => {
            let mut response = decided(subject, &outcome);
            if reply.replayed {
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            }
            response
        }
        (Answer::Decided, None) => not_decided::without_outcome().into_response(),
        (Answer::Stale, _) => not_decided::stale().into_response(),
        (Answer::KeyReused, _) => refused::key_reused().into_response(),
        (Answer::NotInitialised, _) => not_decided::not_initialised().into_response(),
    }
}

fn decided(subject: &Subject, outcome: &Outcome) -> Response {
    let mut response = match outcome.refused() {
        Some(refusal) => refused::problem(subject, outcome, refusal).into_response(),
        None => done(subject, outcome),
    };
    let headers = response.headers_mut();
    if outcome.version > 0 {
        insert(headers, header::ETAG, format!("\"{}\"", outcome.version));
    }
    insert(headers, POSITION, position::to_token(&outcome.position));
    response
}

fn done(subject: &Subject, outcome: &Outcome) -> Response {
    let status = if subject.creates { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = match subject.kind {
        Kind::Orders => json(status, OrderAnswer::of(subject, outcome)),
        Kind::Products => json(status, ProductAnswer::of(subject, outcome)),
    };
    if subject.creates {
        insert(response.headers_mut(), header::LOCATION, subject.location());
    }
    response
}

fn json(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

/// Adds a header whose text is made of ASCII by construction; a text that is not one is left out,
/// because the client must get its answer.
fn insert(headers: &mut http::HeaderMap, name: HeaderName, text: String) {
    match HeaderValue::try_from(text) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(error) => tracing::error!(header = %name, %error, "An answer's header is not text."),
    }
}

/// Where the outcome of a command is read, relative to the base URL.
fn command_location(command_id: Uuid) -> String {
    format!("/v1/commands/{command_id}")
}

/// A problem that names its command, so that its outcome can be looked up.
fn about(problem: Problem, subject: &Subject) -> Problem {
    problem.member("command_id", subject.command_id)
}

#[cfg(test)]
mod tests;
