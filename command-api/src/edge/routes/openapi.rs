//! The OpenAPI document: what all routes have in common, and the text that is served.
//!
//! The types here are never made; they only carry documentation.

use service::openapi::{self, Problem};
use utoipa::openapi::response::Response;
use utoipa::{IntoParams, IntoResponses, OpenApi};

use crate::edge::answer::AcceptedAnswer;

/// Head of the document; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spillway command API",
        description = "Commands on products and orders. Every answer is definitive: a command that \
            was carried out stays so, and a refusal says why. Errors are problem documents \
            (RFC 9457); their member `retry` says whether the same request may be sent again. \
            Callers are not authenticated yet: keep this API off public networks.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This host.")),
    // Nobody is asked who they are; said openly rather than left out.
    security(()),
    tags(
        (name = "products", description = "Catalogue and stock."),
        (name = "orders", description = "The life of an order."),
        (name = "bulk", description = "Many commands in one request."),
    ),
    // The types of common answers are not found by themselves.
    components(schemas(AcceptedAnswer, Problem)),
)]
struct Head;

/// The document as JSON, the same for every process of one version.
pub fn text() -> String {
    let mut document = Head::openapi();
    document.merge(super::documented());
    openapi::complete(&mut document);
    for operation in openapi::operations(&mut document) {
        let is_bulk = operation.tags.iter().flatten().any(|tag| tag == "bulk");
        for (status, response) in openapi::responses(operation) {
            if is_bulk {
                describe_bound(response);
            } else {
                describe_headers(status, response);
            }
        }
    }
    openapi::share_headers(&mut document, "command");
    // Maps with text keys and plain values always become JSON.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The headers that answers to commands have in common.
fn describe_headers(status: &str, response: &mut Response) {
    describe_bound(response);
    let mut header = |name, description, example| {
        openapi::header(response, name, description, example);
    };
    header("Preference-Applied", "What of `Prefer` was honoured.", "wait=2");
    if status == "202" {
        header("Location", "Where the outcome appears.", COMMAND);
        header("Retry-After", "Seconds after which to look there.", "1");
    }
    if status == "415" {
        header("Accept-Encoding", "How a body may be packed, where that was refused.", "gzip");
    }
    if matches!(status, "200" | "201" | "404" | "409" | "412") {
        header("ETag", "Version of the resource after the command.", "\"2\"");
        header("Spillway-Position", "Carry it to a query to read this write.", POSITION);
        header(
            "Idempotency-Replayed",
            "`true` for the stored answer of an earlier request.",
            "true",
        );
    }
}

const COMMAND: &str = "/v1/commands/6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e";
const POSITION: &str = "b3JkZXJzLzA6MDow";

/// How much this instance does at once.
fn describe_bound(response: &mut Response) {
    openapi::header(
        response,
        "RateLimit-Policy",
        "How many may be under way at once in this instance: `commands-in-flight`, or `bulk-streams`.",
        "\"commands-in-flight\";q=20000;qu=\"concurrent-requests\"",
    );
    openapi::header(
        response,
        "RateLimit",
        "How many more there is room for.",
        "\"commands-in-flight\";r=19998",
    );
}

/// Headers of every command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct CommandHeaders {
    /// Makes a repeat of this request harmless: 1 to 128 printable characters, quoted or bare,
    /// unique for each wish on one resource. A repeat within the window (an hour by default) gets
    /// the stored answer; with another body it is refused (422).
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 258,
        pattern = "^([!#-~]([ -~]{0,126}[!-~])?|\"([ !#-\\[\\]-~]|\\\\[\"\\\\]){1,128}\")$",
        example = "\"checkout-8712-1\""
    )]
    idempotency_key: String,
    /// `respond-async`: answer 202 once the command is in the log. `wait=N`: wait up to N seconds
    /// for the answer, then 202. `Preference-Applied` says what was honoured.
    #[param(rename = "Prefer", nullable = false, example = "wait=2")]
    prefer: Option<String>,
    /// W3C trace context; continued through the log.
    #[param(
        rename = "traceparent",
        example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )]
    traceparent: Option<String>,
}

/// Headers of bulk intake.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct BulkHeaders {
    /// As for a single command, for every line of this request.
    #[param(rename = "Prefer", nullable = false, example = "wait=2")]
    prefer: Option<String>,
    /// W3C trace context; continued through the log by every line.
    #[param(
        rename = "traceparent",
        example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )]
    traceparent: Option<String>,
}

/// The header for optimistic concurrency.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct ConditionHeader {
    /// Carry the command out only at this version: the `ETag` of an answer, or `*`.
    #[param(
        rename = "If-Match",
        nullable = false,
        pattern = "^(\\*|\"[0-9]{1,18}\")$",
        example = "\"3\""
    )]
    if_match: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct SkuPath {
    /// The product.
    #[param(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]{1,64}$",
        example = "TICKET-A"
    )]
    sku: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct OrderPath {
    /// The order.
    #[param(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "o-1"
    )]
    order_id: String,
}

/// Answers that every command may get.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documentation")]
pub(super) enum CommonAnswers {
    /// In the log, and not decided within the wait; the outcome appears at `Location`. A command
    /// that stays without an outcome for ten minutes may be sent again with the same key.
    #[response(status = 202)]
    Accepted(AcceptedAnswer),
    /// `invalid`: the request is malformed or breaks a rule that needs no data; `errors` lists all.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// `stale-version`: the resource is not at the version of `If-Match`; nothing was written.
    #[response(status = 412, content_type = "application/problem+json")]
    StaleVersion(Problem),
    /// `too-large`: the body, or what it is unpacked to, or the command made of it.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// `unsupported-media-type`: send `application/json`, as it is or packed with gzip.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// `key-reused`: the idempotency key was used with another body.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(Problem),
    /// Nothing was appended. `overloaded`: the decision would come too late. `probably-sold-out`:
    /// every product of the order was sold out a moment ago; an earlier request with the same key
    /// may have been carried out.
    #[response(status = 429, content_type = "application/problem+json")]
    Overloaded(Problem),
    /// `internal`: a fault of ours; quote the request id. `undecodable`: the command could not be
    /// read back from the log; nothing was done.
    #[response(status = 500, content_type = "application/problem+json")]
    Fault(Problem),
    /// `outcome-unknown`: the log did not acknowledge the command in time; the same key is safe.
    /// Nothing was done: `unavailable`, `memory-full`, `not-initialised`, `stale`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// `unknown-order`: there is no order of this id.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct NoOrder(Problem);

/// `unknown-sku`: there is no product of this SKU.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct NoProduct(Problem);
