//! Routes of orders.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use service::openapi::Problem;

use super::openapi::{CommandHeaders, CommonAnswers, ConditionHeader, NoOrder, OrderPath};
use crate::edge::Edge;
use crate::edge::answer::OrderAnswer;
use crate::edge::body::{CancellationBody, OrderBody, PaymentBody, ShipmentBody};
use crate::edge::request::{AggregateId, Posted};

/// Place an order.
///
/// The answer is definitive: all lines hold stock and payment is awaited (201), or the order is
/// rejected and every refused line is listed (409). A rejected order's id is used up.
#[utoipa::path(
    post,
    path = "/v1/orders",
    tag = "orders",
    operation_id = "placeOrder",
    params(CommandHeaders),
    request_body = OrderBody,
    responses(
        (status = 201, description = "Reserved; pay before the deadline.", body = OrderAnswer,
            headers(("Location" = String, description = "Where the order is read."))
        ),
        (status = 409, description = "The whole order is rejected and its id is used up: `out-of-stock`, \
            `unknown-sku`, `price-changed`, `currency-mismatch`, `product-inactive`. Nothing is changed: \
            `order-exists`, `closed`. The order was called off before it was decided: \
            `cancelled`.",
            body = Problem, content_type = "application/problem+json"),
        CommonAnswers,
    ),
)]
pub(super) async fn place(
    State(edge): State<Arc<Edge>>,
    Posted { body, terms }: Posted<OrderBody>,
) -> Response {
    edge.carry_out(body.into_command(&terms.key), terms).await
}

/// Pay an order.
///
/// The exact total in the order's currency (`wrong-amount`), once (`already-paid`), before the
/// deadline (`expired`).
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/payment",
    tag = "orders",
    operation_id = "payOrder",
    params(OrderPath, CommandHeaders, ConditionHeader),
    request_body = PaymentBody,
    responses(
        (status = 200, description = "Paid.", body = OrderAnswer),
        (status = 409, description = "`wrong-amount`, `already-paid`, `not-reserved`, or the order is final: \
            `expired`, `cancelled`, `rejected`, `already-shipped`, `closed`.",
            body = Problem, content_type = "application/problem+json"),
        NoOrder,
        CommonAnswers,
    ),
)]
pub(super) async fn pay(
    State(edge): State<Arc<Edge>>,
    AggregateId(order_id): AggregateId,
    Posted { body, terms }: Posted<PaymentBody>,
) -> Response {
    edge.carry_out(body.into_command(order_id), terms).await
}

/// Cancel an order.
///
/// Possible until it is shipped; the stock it holds is given back, and a paid order answers with
/// `refund_due`.
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/cancellation",
    tag = "orders",
    operation_id = "cancelOrder",
    params(OrderPath, CommandHeaders, ConditionHeader),
    request_body = CancellationBody,
    responses(
        (status = 200, description = "Cancelled.", body = OrderAnswer),
        (status = 409, description = "The order is final: `already-shipped`, `cancelled`, `expired`, `rejected`, \
            `closed`.",
            body = Problem, content_type = "application/problem+json"),
        NoOrder,
        CommonAnswers,
    ),
)]
pub(super) async fn cancel(
    State(edge): State<Arc<Edge>>,
    AggregateId(order_id): AggregateId,
    Posted { body, terms }: Posted<CancellationBody>,
) -> Response {
    edge.carry_out(body.into_command(order_id), terms).await
}

/// Record the shipment of an order.
///
/// The order must be paid (`not-paid`); it is shipped whole, once (`already-shipped`).
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/shipment",
    tag = "orders",
    operation_id = "shipOrder",
    params(OrderPath, CommandHeaders, ConditionHeader),
    request_body = ShipmentBody,
    responses(
        (status = 200, description = "Shipped.", body = OrderAnswer),
        (status = 409, description = "`not-paid`, or the order is final: `already-shipped`, `cancelled`, \
            `expired`, `rejected`, `closed`.",
            body = Problem, content_type = "application/problem+json"),
        NoOrder,
        CommonAnswers,
    ),
)]
pub(super) async fn ship(
    State(edge): State<Arc<Edge>>,
    AggregateId(order_id): AggregateId,
    Posted { body, terms }: Posted<ShipmentBody>,
) -> Response {
    edge.carry_out(body.into_command(order_id), terms).await
}
