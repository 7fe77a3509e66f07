//! Routes of products.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use service::openapi::Problem;

use super::openapi::{CommandHeaders, CommonAnswers, ConditionHeader, NoProduct, SkuPath};
use crate::edge::Edge;
use crate::edge::answer::ProductAnswer;
use crate::edge::body::{
    AdjustmentBody, ListingBody, PriceBody, ProductBody, ReceiptBody, ThresholdBody,
};
use crate::edge::request::{AggregateId, Posted};

/// Register a product.
///
/// Enters a product into the catalogue, without stock. A second registration with equal data
/// changes nothing; with other data it is refused (`already-registered`).
#[utoipa::path(
    post,
    path = "/v1/products",
    tag = "products",
    operation_id = "registerProduct",
    params(CommandHeaders),
    request_body = ProductBody,
    responses(
        (status = 201, description = "Registered.", body = ProductAnswer, headers(("Location" = String, description = "Where the product is read."))),
        (status = 409, description = "`already-registered`: with another name or price.",
            body = Problem, content_type = "application/problem+json"),
        CommonAnswers,
    ),
)]
pub(super) async fn register(
    State(edge): State<Arc<Edge>>,
    Posted { body, terms }: Posted<ProductBody>,
) -> Response {
    edge.carry_out(body.into_command(), terms).await
}

/// Change a product's price.
///
/// Stock is reserved at the price that counts at that moment; orders that hold stock keep theirs.
/// The currency never changes (`currency-mismatch`).
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/price",
    tag = "products",
    operation_id = "changePrice",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = PriceBody,
    responses(
        (status = 200, description = "Changed, or the same price as before.", body = ProductAnswer),
        (status = 409, description = "`currency-mismatch`: the product is sold in another currency.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn change_price(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<PriceBody>,
) -> Response {
    edge.carry_out(body.into_command(sku), terms).await
}

/// Receive a delivery.
///
/// Adds pieces to the stock on hand. The last 64 delivery notes of a product are remembered: a note
/// counts once, and with another quantity it is refused (`reference-reused`).
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/receipts",
    tag = "products",
    operation_id = "receiveStock",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = ReceiptBody,
    responses(
        (status = 200, description = "Received, now or before.", body = ProductAnswer),
        (status = 409, description = "`reference-reused`: the delivery note was received with another quantity. \
            `stock-limit`.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn receive_stock(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<ReceiptBody>,
) -> Response {
    edge.carry_out(body.into_command(sku), terms).await
}

/// Correct the stock on hand.
///
/// For counts and losses. The stock never falls below what is held for orders (`below-reserved`).
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/adjustments",
    tag = "products",
    operation_id = "adjustStock",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = AdjustmentBody,
    responses(
        (status = 200, description = "Corrected.", body = ProductAnswer),
        (status = 409, description = "`below-reserved`: the pieces are held for orders. `stock-limit`.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn adjust_stock(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<AdjustmentBody>,
) -> Response {
    edge.carry_out(body.into_command(sku), terms).await
}

/// Take a product off sale.
///
/// No order gets stock of it from here on (`product-inactive`); what is held for orders stays held, and
/// goes on. Stock and price can be changed all the same. Needs rules version 3.
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/deactivation",
    tag = "products",
    operation_id = "deactivateProduct",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = ListingBody,
    responses(
        (status = 200, description = "Off sale, now or before.", body = ProductAnswer),
        (status = 409, description = "`rules-not-active`: operators have not activated them.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn deactivate(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<ListingBody>,
) -> Response {
    edge.carry_out(body.into_deactivation(sku), terms).await
}

/// Put a product on sale again.
///
/// Needs rules version 3.
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/reactivation",
    tag = "products",
    operation_id = "reactivateProduct",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = ListingBody,
    responses(
        (status = 200, description = "On sale, now or before.", body = ProductAnswer),
        (status = 409, description = "`rules-not-active`: operators have not activated them.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn reactivate(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<ListingBody>,
) -> Response {
    edge.carry_out(body.into_reactivation(sku), terms).await
}

/// Say when a product runs low.
///
/// Each time the available pieces fall from above the threshold to it, or below it, the event
/// `StockRanLow` says so. Pieces that are below it already have not fallen. Needs rules version 3.
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/low-stock-threshold",
    tag = "products",
    operation_id = "setLowStockThreshold",
    params(SkuPath, CommandHeaders, ConditionHeader),
    request_body = ThresholdBody,
    responses(
        (status = 200, description = "Set, now or before.", body = ProductAnswer),
        (status = 409, description = "`rules-not-active`: operators have not activated them.",
            body = Problem, content_type = "application/problem+json"),
        NoProduct,
        CommonAnswers,
    ),
)]
pub(super) async fn set_low_stock_threshold(
    State(edge): State<Arc<Edge>>,
    AggregateId(sku): AggregateId,
    Posted { body, terms }: Posted<ThresholdBody>,
) -> Response {
    edge.carry_out(body.into_command(sku), terms).await
}
