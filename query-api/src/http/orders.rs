//! `/v1/orders`: one order, its history, and the list.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    answer::{self, Keep},
    cursor,
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    page::{self, PageBody},
    params::{id, is_id},
};
use crate::read::{
    checkpoint::Projection,
    history::HistoryItem,
    order::{Order, OrderOverview},
    order_list::{Filter, STATUSES},
};

const PATH: &str = "/v1/orders";

/// The whole history of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    /// Rising by version.
    items: Vec<HistoryItem>,
}

/// One order with its lines.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}", tag = "orders", operation_id = "getOrder",
    params(("order_id" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "The order. `ETag` is its version.", body = Order),
        (status = 304, description = "The client has this version."),
        (status = 404, description = "`unknown-order`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_order(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&order_id) {
        return Err(Error::UnknownOrder);
    }
    freshness.wait(&api, Projection::Orders).await?;
    let order = api.database.order(&order_id).await?.ok_or(Error::UnknownOrder)?;
    answer::versioned(&headers, order.overview.version, Keep::Own, &order)
}

/// Everything that happened to an order.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}/history", tag = "orders", operation_id = "getOrderHistory",
    params(("order_id" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "The events of the order.", body = History),
        (status = 304, description = "The client has this history."),
        (status = 404, description = "`unknown-order`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_history(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&order_id) {
        return Err(Error::UnknownOrder);
    }
    freshness.wait(&api, Projection::Orders).await?;
    let items = api.database.history(&order_id).await?;
    if items.is_empty() {
        return Err(Error::UnknownOrder);
    }
    answer::hashed(&headers, Keep::Own, &History { items })
}

/// Orders, newest first, without their lines.
#[utoipa::path(
    get, path = PATH, tag = "orders", operation_id = "listOrders",
    params(
        ("customer_id" = Option<String>, Query, description = "Only orders of this customer."),
        ("status" = Option<String>, Query, description = "Only orders of this status: `placed`, \
            `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u16>, Query, description = "Rows of a page: 50 unless given, at most \
            200.", minimum = 1),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "A page. `Link` with `rel=\"next\"` leads to the next one.",
            body = PageBody<OrderOverview>),
        (status = 304, description = "The client has this page."),
        TooEarly, Failures,
    ),
)]
pub(super) async fn list_orders(
    State(api): State<Api>,
    mut input: Input,
) -> Result<Response, Error> {
    let filter = Filter {
        customer_id: input.params.take("customer_id", id),
        status: input.params.take("status", status),
    };
    let after = input.params.take("cursor", cursor::order);
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Orders).await?;
    let page = api.database.orders(&filter, after.as_ref(), rows_max).await?;
    let query = [
        ("customer_id", filter.customer_id),
        ("status", filter.status.map(str::to_owned)),
        ("limit", Some(rows_max.to_string())),
    ];
    let next_cursor = page.next.as_ref().map(cursor::of_order);
    let body = PageBody { items: page.items, next_cursor };
    page::answer(&headers, Keep::Own, PATH, &query, &body)
}

fn status(text: &str) -> Result<&'static str, String> {
    let known = STATUSES.into_iter().find(|status| *status == text);
    known.ok_or_else(|| format!("must be one of {}", STATUSES.join(", ")))
}
