//! `/v1/orders`: one order, its history, and the list.

use axum::{
    extract::{Path, State},
    response::Response,
};
use chrono::{DateTime, SecondsFormat, Utc};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    fault::Fault,
    freshness::Freshness,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    page::{self, PageBody},
    params::{id, is_id, time, version},
    row,
};
use crate::{
    cache::Key,
    read::{
        Database,
        checkpoint::Projection,
        history::HistoryItem,
        order::{Order, OrderOverview},
        order_at::Until,
        order_list::{Filter, STATUSES},
    },
};

pub(super) const PATH: &str = "/v1/orders";

/// The whole history of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    /// Rising by version.
    items: Vec<HistoryItem>,
}

/// One order with its lines, as it is or as it was.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}", tag = "orders", operation_id = "getOrder",
    params(
        ("order_id" = String, Path),
        ("version" = Option<i64>, Query, description = "The order as it was with this version.",
            minimum = 1),
        ("at" = Option<String>, Query, format = "date-time", description = "The order as it was at \
            this log time."),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "The order. `ETag` is its version.", body = Order),
        (status = 304, description = "The client has this version."),
        (status = 404, description = "`unknown-order`, `unknown-version`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_order(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    mut input: Input,
) -> Result<Response, Error> {
    let until = until(&mut input);
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&order_id) {
        return Err(Error::UnknownOrder);
    }
    if let Some(until) = until {
        return past(&api, &headers, &freshness, &order_id, until).await;
    }
    let key = Key::order(&order_id);
    row::answer(&api, &headers, &freshness, &key, Keep::Own, Error::UnknownOrder).await
}

/// Reads `version` and `at`, of which one may be given.
fn until(input: &mut Input) -> Option<Until> {
    let version = input.params.take("version", version);
    let at = input.params.take("at", time);
    match (version, at) {
        (Some(_), Some(_)) => {
            input.params.fault(Fault::query("at", "may not stand beside `version`"));
            None
        }
        (Some(version), None) => Some(Until::Version(version)),
        (None, at) => at.map(Until::Time),
    }
}

/// An order as it was. A version never changes again; a time may lie ahead of the log.
async fn past(
    api: &Api,
    headers: &HeaderMap,
    freshness: &Freshness,
    order_id: &str,
    until: Until,
) -> Result<Response, Error> {
    freshness.wait(api, Projection::Orders).await?;
    let read = |database: Database| async move {
        let stamped = database.order_stamped(order_id).await?;
        Ok((stamped, database.order_at(order_id, until).await?))
    };
    let ((stamped, order), _) =
        api.servers.read(Projection::Orders, freshness.positions(), read).await?;
    freshness.judge(&stamped)?;
    let keep = match until {
        Until::Version(_) => Keep::Final,
        Until::Time(_) => Keep::Own,
    };
    match order {
        Some(order) => {
            let answer = answer::versioned(headers, order.overview.version, keep, &order)?;
            Ok(answer::note_parked(answer, stamped.stamp.parked.is_some().into()))
        }
        None if stamped.row.is_some() => Err(Error::UnknownVersion),
        None => Err(Error::UnknownOrder),
    }
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
    let order_id = order_id.as_str();
    let read = |database: Database| async move {
        let stamped = database.order_stamped(order_id).await?;
        Ok((stamped, database.history(order_id).await?))
    };
    let ((stamped, items), _) =
        api.servers.read(Projection::Orders, freshness.positions(), read).await?;
    freshness.judge(&stamped)?;
    if items.is_empty() {
        return Err(Error::UnknownOrder);
    }
    let answer = answer::hashed(&headers, Keep::Own, &History { items })?;
    Ok(answer::note_parked(answer, stamped.stamp.parked.is_some().into()))
}

/// Orders, newest first, without their lines.
#[utoipa::path(
    get, path = PATH, tag = "orders", operation_id = "listOrders",
    params(
        ("customer_id" = Option<String>, Query, description = "Only orders of this customer."),
        ("status" = Option<String>, Query, description = "Only orders of this status: `placed`, \
            `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`.",
            pattern = "^(placed|reserved|rejected|paid|shipped|cancelled|expired)$"),
        ("sku" = Option<String>, Query, description = "Only orders with a line of this product."),
        ("placed_from" = Option<String>, Query, format = "date-time", description = "Only orders \
            placed at this log time or later."),
        ("placed_before" = Option<String>, Query, format = "date-time", description = "Only orders \
            placed before this log time."),
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
        sku: input.params.take("sku", id),
        placed_from: input.params.take("placed_from", time),
        placed_before: input.params.take("placed_before", time),
    };
    let mut query = query(&filter);
    let list = api.cursors.list(PATH, &query);
    let after = input.params.take("cursor", |text| list.order(text));
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Orders).await?;
    let (filter, after) = (&filter, after.as_ref());
    let positions = freshness.positions();
    let read = |database: Database| async move {
        database.orders(filter, after, rows_max, !positions.is_empty()).await
    };
    let ((page, marks), _) = api.servers.read(Projection::Orders, positions, read).await?;
    freshness.judge_marks(Projection::Orders, &marks)?;
    query.push(("limit", Some(rows_max.to_string())));
    let next_cursor = page.next.as_ref().map(|key| list.of_order(key));
    let body = PageBody { items: page.items, next_cursor };
    let answer = page::answer(&headers, Keep::Own, PATH, &query, &body)?;
    Ok(answer::note_parked(answer, api.tracker.parked(Projection::Orders)))
}

/// The filter as parameters, each written in one way.
pub(super) fn query(filter: &Filter) -> Vec<(&'static str, Option<String>)> {
    let written = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    vec![
        ("customer_id", filter.customer_id.clone()),
        ("status", filter.status.map(str::to_owned)),
        ("sku", filter.sku.clone()),
        ("placed_from", filter.placed_from.map(written)),
        ("placed_before", filter.placed_before.map(written)),
    ]
}

fn status(text: &str) -> Result<&'static str, String> {
    let known = STATUSES.into_iter().find(|status| *status == text);
    known.ok_or_else(|| format!("must be one of {}", STATUSES.join(", ")))
}
