//! Routes of vouchers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use service::openapi::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::{CommandHeaders, CommonAnswers, ConditionHeader};
use crate::edge::Edge;
use crate::edge::answer::VoucherAnswer;
use crate::edge::body::{RedemptionBody, VoucherBody};
use crate::edge::request::{AggregateId, Posted};

pub(super) fn all() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new().routes(routes!(issue)).routes(routes!(redeem))
}

/// Issue a voucher.
///
/// A second issue with an equal balance changes nothing; with another one it is refused
/// (`voucher-exists`). Needs rules version 4.
#[utoipa::path(
    post,
    path = "/v1/vouchers",
    tag = "vouchers",
    operation_id = "issueVoucher",
    params(CommandHeaders),
    request_body = VoucherBody,
    responses(
        (status = 201, description = "Issued, now or before.", body = VoucherAnswer, headers(("Location" = String, description = "Where the voucher is read."))),
        (status = 409, description = "`voucher-exists`: with another balance. `rules-not-active`: \
            operators have not activated them.",
            body = Problem, content_type = "application/problem+json"),
        CommonAnswers,
    ),
)]
async fn issue(
    State(edge): State<Arc<Edge>>,
    Posted { body, terms }: Posted<VoucherBody>,
) -> Response {
    edge.carry_out(body.into_command(), terms).await
}

/// Redeem a voucher.
///
/// Takes an amount from the balance, never more than there is (`balance-too-small`). The last 64
/// references of a voucher are remembered: each counts once. Needs rules version 4.
#[utoipa::path(
    post,
    path = "/v1/vouchers/{voucher_id}/redemptions",
    tag = "vouchers",
    operation_id = "redeemVoucher",
    params(("voucher_id" = String, Path, description = "The voucher."), CommandHeaders, ConditionHeader),
    request_body = RedemptionBody,
    responses(
        (status = 200, description = "Redeemed, now or before.", body = VoucherAnswer),
        (status = 404, description = "`unknown-voucher`: there is no voucher of this id.",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`balance-too-small`, `already-redeemed`, `currency-mismatch`. \
            `rules-not-active`: operators have not activated them.",
            body = Problem, content_type = "application/problem+json"),
        CommonAnswers,
    ),
)]
async fn redeem(
    State(edge): State<Arc<Edge>>,
    AggregateId(voucher_id): AggregateId,
    Posted { body, terms }: Posted<RedemptionBody>,
) -> Response {
    edge.carry_out(body.into_command(voucher_id), terms).await
}
