//! The description of the API (OpenAPI 3.1), generated from the handlers.
//!
//! `query-api/openapi.json` is its copy in the repository; a test fails when the two differ.

use axum::{Router, extract::Request, routing::get};
use service::openapi;
pub(super) use service::openapi::Problem;
use utoipa::{
    IntoParams, IntoResponses, OpenApi,
    openapi::{
        Object, RefOr, Schema,
        path::{Parameter, ParameterIn},
        response::Response,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::live::{OrderChanged, ProductChanged};

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
    // They stand as JSON in the text of a stream's messages, where nothing refers to them.
    components(schemas(OrderChanged, ProductChanged)),
    servers((url = "/", description = "This host.")),
    // Nobody is asked who they are; said openly rather than left out.
    security(()),
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
    let mut document = routes().split_for_parts().1;
    openapi::complete(&mut document);
    for operation in openapi::operations(&mut document) {
        describe_parameters(operation.parameters.get_or_insert_default());
        let is_stream = operation.tags.iter().flatten().any(|tag| tag == "streams");
        for (status, response) in openapi::responses(operation) {
            describe_headers(status, is_stream, response);
        }
    }
    openapi::share_headers(&mut document, "query");
    document
}

/// Says what the ids in paths are, and that some headers may stand in the query.
fn describe_parameters(parameters: &mut Vec<RefOr<Parameter>>) {
    let mut in_query = Vec::new();
    for parameter in parameters.iter_mut() {
        let RefOr::T(parameter) = parameter else { continue };
        match parameter.name.as_str() {
            "order_id" => describe(parameter, "The order.", "o-1"),
            "sku" => describe(parameter, "The product.", "TSHIRT-M"),
            "customer_id" => describe(parameter, "The customer.", "c-1042"),
            "command_id" => {
                describe(parameter, "The command.", "6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e");
            }
            // A number of any size is taken: what is above the cap counts as the cap.
            "limit" => change_schema(parameter, |schema| schema.format = None),
            "Spillway-Position" => in_query.push(queried(parameter, "position")),
            "Last-Event-ID" => in_query.push(queried(parameter, "last_event_id")),
            _ => {}
        }
    }
    parameters.extend(in_query);
}

fn describe(parameter: &mut Parameter, description: &str, example: &str) {
    parameter.description.get_or_insert_with(|| description.to_owned());
    change_schema(parameter, |schema| {
        schema.example.get_or_insert_with(|| example.into());
    });
}

fn change_schema(parameter: &mut Parameter, change: impl FnOnce(&mut Object)) {
    if let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema {
        change(schema);
    }
}

/// The parameter for those who cannot set this header.
fn queried(header: &Parameter, name: &str) -> RefOr<Parameter> {
    let mut parameter = header.clone();
    parameter.description = Some(format!("The same as the header `{}`.", header.name));
    parameter.name = name.to_owned();
    parameter.parameter_in = ParameterIn::Query;
    RefOr::T(parameter)
}

const NEXT: &str = "</v1/orders?limit=50&cursor=b3JkZXJz>; rel=\"next\"";

/// The headers that answers to queries have in common.
fn describe_headers(status: &str, is_stream: bool, response: &mut Response) {
    let is_page = response.description.starts_with("A page.");
    let mut header = |name, description, example| {
        openapi::header(response, name, description, example);
    };
    header("Preference-Applied", "The wait that was granted to `Prefer`.", "wait=2");
    if is_stream && matches!(status, "200" | "503") {
        let policy = "\"live-streams\";q=1000;qu=\"concurrent-requests\"";
        header("RateLimit-Policy", "How many streams this instance serves at once.", policy);
        header("RateLimit", "How many more there is room for.", "\"live-streams\";r=998");
    } else if matches!(status, "200" | "304") {
        header("ETag", "Names this representation, for `If-None-Match`.", "\"2\"");
        header("Cache-Control", "How long who may keep the answer.", "private, max-age=0");
        header("Vary", "The position is part of the question.", "Spillway-Position");
        header("Cache-Status", "Which tier had the row (RFC 9211).", "spillway-memory; hit");
        if is_page {
            header("Link", "The next page, with `rel=\"next\"` (RFC 8288).", NEXT);
        }
        header("Spillway-Parked", "How many keys are shown as before their dead letters.", "1");
    }
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
    #[param(rename = "Spillway-Position", required = false, example = "b3JkZXJzLzA6MDow")]
    position: String,
    /// `wait=N`: wait up to N seconds.
    #[param(rename = "Prefer", required = false, example = "wait=2")]
    prefer: String,
}

/// What the client already has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct Validators {
    /// ETags of representations that the client holds.
    #[param(rename = "If-None-Match", required = false, example = "\"2\"")]
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
pub(super) struct TooEarly(Problem);
