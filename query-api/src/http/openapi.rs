//! The description of the API (OpenAPI 3.1), generated from the handlers.
//!
//! `query-api/openapi.json` is its copy in the repository; a test fails when the two differ.

use axum::{Router, extract::Request, routing::get};
use serde::Serialize;
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, Keep},
    commands, customers, orders, products, sales, streams, why,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spillway queries",
        version = "1",
        description = "Read models of orders, products, customers, sales and commands. Every error is a problem \
            document (RFC 9457) whose `type` is explained at that very path.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "orders", description = "Orders and what happened to them"),
        (name = "products", description = "The catalogue with its stock"),
        (name = "customers", description = "What customers have ordered and spent"),
        (name = "sales", description = "What was paid and paid back"),
        (name = "commands", description = "What became of commands"),
        (name = "streams", description = "What happens, as it happens"),
    ),
)]
struct Document;

/// The routes that the description covers.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(orders::list_orders))
        .routes(routes!(orders::get_order))
        .routes(routes!(orders::get_history))
        .routes(routes!(why::why_order))
        .routes(routes!(products::list_products))
        .routes(routes!(products::get_product))
        .routes(routes!(customers::list_customers))
        .routes(routes!(customers::get_customer))
        .routes(routes!(sales::list_days))
        .routes(routes!(sales::list_products))
        .routes(routes!(commands::get_command))
        .routes(routes!(streams::stream_order))
        .routes(routes!(streams::stream_customer))
        .routes(routes!(streams::stream_products))
}

/// The description itself.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().split_for_parts().1
}

/// `/openapi.json`.
pub(super) fn route() -> Router<Api> {
    let document = document();
    let answer = move |request: Request| async move {
        answer::hashed(request.headers(), Keep::Release, &document)
    };
    Router::new().route("/openapi.json", get(answer))
}

/// How old an answer may be.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct Consistency {
    /// The position of a command's answer: this query shall see what the command did. It waits,
    /// and answers `425` when the read model does not come so far in time. Also taken as the query
    /// parameter `position`.
    #[param(rename = "Spillway-Position", required = false)]
    position: String,
    /// `wait=N`: wait up to N seconds.
    #[param(rename = "Prefer", required = false)]
    prefer: String,
}

/// What the client already has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct Validators {
    /// ETags of representations that the client holds.
    #[param(rename = "If-None-Match", required = false)]
    if_none_match: String,
}

/// Failures that every query may have.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) enum Failures {
    /// `invalid`: parameters or headers that cannot be used, all of them in `errors`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// `unavailable`: PostgreSQL cannot be reached. `parked`: what the position stands for may wait
    /// behind an event that could not be applied. `Retry-After` says when to ask again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// `position-not-reached`: the read model is behind the position; `Retry-After` says when to ask
/// again.
#[derive(IntoResponses)]
#[response(status = 425, content_type = "application/problem+json")]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct TooEarly(#[to_schema] Problem);

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// Reference to the explanation of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/unknown-order")]
    kind: String,
    title: String,
    status: u16,
    /// A sentence about this occurrence.
    detail: Option<String>,
    /// The request, by its id.
    instance: Option<String>,
    /// Whether sending the same request again is `safe`, `unsafe`, or `never` of use.
    retry: String,
    /// What is wrong in the request.
    errors: Option<Vec<ProblemPlace>>,
    /// Positions that the read model has not passed.
    behind: Option<Vec<String>>,
}

/// One thing that is wrong in a request.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemPlace {
    /// JSON pointer: `/query/<parameter>`, `/header/<name>` or `/path/<name>`.
    #[schema(example = "/query/limit")]
    pointer: String,
    /// What is allowed.
    detail: String,
}
