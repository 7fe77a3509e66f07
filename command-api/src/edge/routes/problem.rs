//! The problem document as OpenAPI describes it. The types here are never made: errors are built
//! by `service::problem`, and a test compares the two.

use utoipa::ToSchema;

/// An error (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documentation")]
pub(super) struct ProblemDocument {
    /// `/problems/` and a code that never changes once released.
    #[schema(example = "/problems/out-of-stock")]
    r#type: String,
    /// A phrase that is the same for every occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A sentence about this occurrence.
    detail: Option<String>,
    /// The request, as in `X-Request-Id`.
    instance: Option<String>,
    /// What sending the same request again may do: `safe`: it cannot take effect twice; `unsafe`:
    /// it may; `never`: it gets the same answer.
    #[schema(pattern = "^(safe|unsafe|never)$", example = "never")]
    retry: String,
    /// Everything that is wrong in the request.
    errors: Option<Vec<FieldFault>>,
    /// The order lines concerned.
    lines: Option<Vec<RefusedLine>>,
    /// The command that was refused.
    command_id: Option<String>,
    /// The order concerned.
    order_id: Option<String>,
    /// Status of the order after the refusal.
    order_status: Option<String>,
}

/// One thing that is wrong in a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documentation")]
struct FieldFault {
    /// JSON pointer (RFC 6901) into the body, or to the place that an id of the path would have in
    /// it; empty for the body as a whole and for headers, which the detail names.
    #[schema(example = "/lines/0/quantity")]
    pointer: String,
    /// What is wrong there and what is allowed.
    detail: String,
}

/// A line for which no stock could be held.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documentation")]
struct RefusedLine {
    /// Number of the line in its order, from 1.
    line: i32,
    sku: String,
    /// `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch` or `product-inactive`.
    #[schema(example = "out-of-stock")]
    reason: String,
    /// Pieces that were available, where stock was the reason.
    available: Option<i64>,
}
