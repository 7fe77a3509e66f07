//! A GraphQL response as an HTTP answer (GraphQL over HTTP).

use async_graphql::Response as Executed;
use axum::response::{IntoResponse, Response};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, VARY},
};
use serde::Serialize;

use crate::http::{answer::note_parked, error::Error};

/// What a client that knows GraphQL over HTTP accepts: with it, an error of the request has a status
/// of its own. Everybody else gets `application/json`, and `200` for whatever was understood.
const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// An answer to a request of which nothing was carried out has no `data` at all.
#[derive(Serialize)]
struct Refused<'a> {
    errors: &'a [async_graphql::ServerError],
}

/// Answers in the form that the client accepts.
pub(super) fn answer(request: &HeaderMap, executed: &Executed, parked: u64) -> Response {
    // An error of a field says where it lies; one of the request lies nowhere.
    let is_refused =
        !executed.errors.is_empty() && executed.errors.iter().all(|error| error.path.is_empty());
    let body = if is_refused {
        serde_json::to_vec(&Refused { errors: &executed.errors })
    } else {
        serde_json::to_vec(executed)
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return Error::Unwritable(error).into_response(),
    };
    let form = if accepts(request, GRAPHQL) { GRAPHQL } else { JSON };
    let status =
        if is_refused && form == GRAPHQL { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
    headers.insert(VARY, HeaderValue::from_static("Accept, Spillway-Position"));
    note_parked(response, parked)
}

/// Whether the client names this media type.
pub(super) fn accepts(request: &HeaderMap, kind: &str) -> bool {
    let named = request.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds = named.flat_map(|value| value.split(','));
    kinds.filter_map(|one| one.split(';').next()).any(|one| one.trim().eq_ignore_ascii_case(kind))
}
