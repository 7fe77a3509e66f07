//! The OpenAPI document: what all routes have in common, and the text that is served.
//!
//! The types here are never made; they only carry documentation.

use utoipa::{IntoParams, IntoResponses, OpenApi};

use super::problem::ProblemDocument;
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
    components(schemas(AcceptedAnswer, ProblemDocument)),
)]
struct Head;

/// The document as JSON, the same for every process of one version.
pub fn text() -> String {
    let mut document = Head::openapi();
    document.merge(super::documented());
    // Maps with text keys and plain values always become JSON.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Headers of every command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct CommandHeaders {
    /// Makes a repeat of this request harmless: 1 to 128 printable characters, quoted or bare,
    /// unique for each wish on one resource. A repeat within the window (an hour by default) gets
    /// the stored answer; with another body it is refused (422).
    #[param(rename = "Idempotency-Key", min_length = 1, example = "\"checkout-8712-1\"")]
    idempotency_key: String,
    /// `respond-async`: answer 202 once the command is in the log. `wait=N`: wait up to N seconds
    /// for the answer, then 202. `Preference-Applied` says what was honoured.
    #[param(rename = "Prefer", example = "wait=2")]
    prefer: Option<String>,
    /// W3C trace context; continued through the log.
    #[param(rename = "traceparent")]
    traceparent: Option<String>,
}

/// Headers of bulk intake.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct BulkHeaders {
    /// As for a single command, for every line of this request.
    #[param(rename = "Prefer", example = "wait=2")]
    prefer: Option<String>,
    /// W3C trace context; continued through the log by every line.
    #[param(rename = "traceparent")]
    traceparent: Option<String>,
}

/// The header for optimistic concurrency.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct ConditionHeader {
    /// Carry the command out only at this version: the `ETag` of an answer, or `*`.
    #[param(rename = "If-Match", example = "\"3\"")]
    if_match: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct SkuPath {
    /// The product.
    #[param(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    sku: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct OrderPath {
    /// The order.
    #[param(min_length = 1, max_length = 128)]
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
    Invalid(ProblemDocument),
    /// `unknown-sku`, `unknown-order`: the path names nothing that exists.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// A rule refuses the command: `out-of-stock`, `unknown-sku` (in lines), `price-changed`,
    /// `currency-mismatch`, `already-registered`, `below-reserved`, `reference-reused`,
    /// `stock-limit`, `order-exists`, `not-reserved`, `already-paid`, `wrong-amount`, `expired`,
    /// `rejected`, `cancelled`, `already-shipped`, `not-paid`, `closed`, `product-inactive` (in
    /// lines), `rules-not-active`.
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(ProblemDocument),
    /// `stale-version`: the resource is not at the version of `If-Match`; nothing was written.
    #[response(status = 412, content_type = "application/problem+json")]
    StaleVersion(ProblemDocument),
    /// `too-large`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDocument),
    /// `unsupported-media-type`: send `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemDocument),
    /// `key-reused`: the idempotency key was used with another body.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(ProblemDocument),
    /// Nothing was appended. `overloaded`: the decision would come too late. `probably-sold-out`:
    /// every product of the order was sold out a moment ago; an earlier request with the same key
    /// may have been carried out.
    #[response(status = 429, content_type = "application/problem+json")]
    Overloaded(ProblemDocument),
    /// `outcome-unknown`: the log did not acknowledge the command in time; the same key is safe.
    /// Nothing was done: `unavailable`, `memory-full`, `not-initialised`, `stale`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}
