//! Errors of GraphQL: the problem documents of REST, under `extensions`.
//!
//! `extensions.code` is the last segment of the problem's `type`. The message is its detail.

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};
use http::StatusCode;
use serde_json::Value as Json;
use service::problem::{Kind, Problem, Retry, kinds};

use super::Limits;
use crate::http::{
    error::{Error, problem},
    fault::Fault,
};

/// The document asks for more than one request may.
pub(in crate::http) const TOO_COMPLEX: Kind = Kind::new(
    "query-too-complex",
    StatusCode::BAD_REQUEST,
    "The query asks for too much at once",
    Retry::Never,
);

/// How async-graphql says that a document is above the limits of its schema.
const ABOVE_COMPLEXITY: &str = "Query is too complex.";
const ABOVE_DEPTH: &str = "Query is nested too deep.";

/// A query's error as a field's.
pub(super) fn failed(error: Error) -> async_graphql::Error {
    problem_of(problem(error))
}

/// What is wrong with an argument.
pub(super) fn refused(argument: &str, why: impl Into<String>) -> async_graphql::Error {
    failed(Error::Invalid(vec![Fault::argument(argument, why)]))
}

/// A problem as a field's error.
pub(super) fn problem_of(problem: Problem) -> async_graphql::Error {
    let (message, extensions) = parts(problem);
    async_graphql::Error { message, source: None, extensions: Some(extensions) }
}

/// A problem as the only answer.
pub(super) fn only(problem: Problem) -> Response {
    let (message, extensions) = parts(problem);
    let mut error = ServerError::new(message, None);
    error.extensions = Some(extensions);
    Response::from_errors(vec![error])
}

fn parts(problem: Problem) -> (String, ErrorExtensionValues) {
    let (code, title) = (problem.kind().slug.to_string(), problem.kind().title.to_string());
    let retry_after_s = problem.retry_after_s();
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    let mut message = title;
    let document = serde_json::to_value(problem.into_document()).unwrap_or_default();
    for (name, value) in document.as_object().into_iter().flatten() {
        match value {
            Json::Null => {}
            Json::String(detail) if name == "detail" => message.clone_from(detail),
            value => extensions.set(name, Value::from_json(value.clone()).unwrap_or_default()),
        }
    }
    if let Some(seconds) = retry_after_s {
        extensions.set("retryAfter", seconds);
    }
    (message, extensions)
}

/// Gives a code to the errors that have none: those of the document, found before anything was read.
pub(super) fn coded(mut response: Response, limits: &Limits) -> Response {
    for error in &mut response.errors {
        if error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some()) {
            continue;
        }
        let problem = match &*error.message {
            ABOVE_COMPLEXITY => Problem::new(TOO_COMPLEX).detail(format!(
                "The query costs more than {}; ask for fewer rows or fields.",
                limits.complexity_max
            )),
            ABOVE_DEPTH => Problem::new(TOO_COMPLEX)
                .detail(format!("The query is deeper than {} fields.", limits.depth_max)),
            text => Problem::new(kinds::BAD_REQUEST).detail(text),
        };
        let (message, extensions) = parts(problem);
        (error.message, error.extensions) = (message, Some(extensions));
    }
    response
}
