//! What a request says besides its path: the body and the terms on which it is to be carried out.
//!
//! A client learns everything that is wrong at once, so faults of the headers are kept beside the
//! body and reported together with those of the fields.

mod aggregate_id;
mod idempotency_key;
mod if_match;
mod prefer;

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use service::http::Json;
use service::problem::{FieldError, Problem, kinds};

pub(crate) use aggregate_id::AggregateId;
pub(crate) use idempotency_key::usable as usable_key;
pub(crate) use if_match::Condition;
pub(crate) use prefer::{PREFERENCE_APPLIED, Patience};

use super::Edge;

/// A posted wish: a body of the right shape, and its terms.
#[derive(Debug)]
pub(crate) struct Posted<B> {
    pub(crate) body: B,
    pub(crate) terms: Terms,
}

/// The terms of a wish, from its headers.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The idempotency key; empty when `faults` says that there is none.
    pub(crate) key: String,
    pub(crate) condition: Condition,
    pub(crate) patience: Patience,
    /// What is wrong with the headers.
    pub(crate) faults: Vec<FieldError>,
}

impl Terms {
    fn read(headers: &HeaderMap, edge: &Edge) -> Self {
        let settings = &edge.settings;
        let mut faults = Vec::new();
        let key = idempotency_key::read(headers).unwrap_or_else(|unusable| {
            faults.push(FieldError::header("Idempotency-Key", unusable.to_string()));
            String::new()
        });
        let condition = if_match::read(headers).unwrap_or_else(|malformed| {
            faults.push(FieldError::header("If-Match", malformed.to_string()));
            Condition::Any
        });
        let patience = Patience::read(headers, settings.reply_timeout, settings.wait_max);
        Self { key, condition, patience, faults }
    }
}

impl<B: DeserializeOwned> FromRequest<Arc<Edge>> for Posted<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let terms = Terms::read(request.headers(), edge);
        match Json::from_request(request, edge).await {
            Ok(Json(body)) => Ok(Self { body, terms }),
            Err(problem) if problem.status() == StatusCode::BAD_REQUEST => {
                Err(problem.errors(terms.faults))
            }
            Err(problem) => Err(problem),
        }
    }
}

/// A problem for a request that breaks these rules; `None` when there are none.
pub(crate) fn invalid(
    violations: Vec<domain::bounds::Violation>,
    header_faults: Vec<FieldError>,
) -> Option<Problem> {
    if violations.is_empty() && header_faults.is_empty() {
        return None;
    }
    let problem = Problem::new(kinds::BAD_REQUEST)
        .detail("The request breaks a rule that needs no look at the data; errors lists them all.");
    let problem = violations
        .into_iter()
        .fold(problem, |problem, violation| problem.error(violation.pointer, violation.sentence));
    Some(problem.errors(header_faults))
}
