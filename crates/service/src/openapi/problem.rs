//! The problem document as OpenAPI describes it. The types here are never made: problems are built
//! by [`crate::problem`], and tests compare the two.

use utoipa::ToSchema;

/// An error (RFC 9457).
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only documentation")]
pub struct Problem {
    /// `/problems/` and a code that never changes once released; a page at that path explains it.
    #[schema(pattern = "^/problems/[a-z0-9-]+$", example = "/problems/out-of-stock")]
    r#type: String,
    /// A phrase that is the same for every occurrence.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence about this occurrence.
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The request, by its id as in `X-Request-Id`.
    #[schema(nullable = false, example = "/requests/01991b2c-7d3e-7f4a-8a51-2f0a6b9c1d20")]
    instance: Option<String>,
    /// What sending the same request again may do: `safe`: it cannot take effect twice, and may
    /// succeed; `unsafe`: it may take effect twice; `never`: it gets the same answer.
    #[schema(pattern = "^(safe|unsafe|never)$", example = "never")]
    retry: String,
    /// Everything that is wrong in the request.
    #[schema(nullable = false)]
    errors: Option<Vec<Fault>>,
    /// The order lines concerned.
    #[schema(nullable = false)]
    lines: Option<Vec<RefusedLine>>,
    /// The command that was refused.
    #[schema(nullable = false, format = "uuid")]
    command_id: Option<String>,
    /// The order concerned.
    #[schema(nullable = false)]
    order_id: Option<String>,
    /// Status of the order after the refusal.
    #[schema(nullable = false)]
    order_status: Option<String>,
    /// Positions that the read model has not passed.
    #[schema(nullable = false)]
    behind: Option<Vec<String>>,
}

/// One thing that is wrong in a request.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only documentation")]
pub struct Fault {
    /// JSON pointer (RFC 6901). Commands: into the body, or to the place that an id of the path would
    /// have in it, or `/header/<name>`; empty for the body as a whole. Queries: `/query/<parameter>`,
    /// `/header/<name>` or `/path/<name>`.
    #[schema(example = "/lines/0/quantity")]
    pointer: String,
    /// What is wrong there and what is allowed.
    detail: String,
}

/// A line for which no stock could be held.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only documentation")]
pub struct RefusedLine {
    /// Number of the line in its order, from 1.
    line: i32,
    /// The product.
    sku: String,
    /// `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch` or `product-inactive`.
    #[schema(example = "out-of-stock")]
    reason: String,
    /// Pieces that were available, where stock was the reason.
    #[schema(nullable = false)]
    available: Option<i64>,
}
