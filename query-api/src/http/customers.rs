//! `/v1/customers`: one customer, and the list.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    page::{self, PageBody},
    params::is_id,
};
use crate::read::{Database, checkpoint::Projection, customer::Customer};

pub(super) const PATH: &str = "/v1/customers";

/// A customer: orders by status, and spend by currency.
///
/// An amount is spent from the payment of an order on, and no more from its cancellation on.
#[utoipa::path(
    get, path = "/v1/customers/{customer_id}", tag = "customers", operation_id = "getCustomer",
    params(("customer_id" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "The customer.", body = Customer),
        (status = 304, description = "The client has this answer."),
        (status = 404, description = "`unknown-customer`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_customer(
    State(api): State<Api>,
    Path(customer_id): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&customer_id) {
        return Err(Error::UnknownCustomer);
    }
    freshness.wait(&api, Projection::Customers).await?;
    let id = customer_id.as_str();
    let positions = freshness.positions();
    let read =
        |database: Database| async move { database.customer(id, !positions.is_empty()).await };
    let ((customer, marks), _) = api.servers.read(Projection::Customers, positions, read).await?;
    freshness.judge_marks(Projection::Customers, &marks)?;
    let response = match customer {
        Some(customer) => answer::hashed(&headers, Keep::Own, &customer)?,
        None => Error::UnknownCustomer.into_response(),
    };
    // Which customers the events belong to that wait is not known: any sum may lack them.
    Ok(answer::note_parked(response, api.tracker.parked(Projection::Customers)))
}

/// Customers, by id.
#[utoipa::path(
    get, path = PATH, tag = "customers", operation_id = "listCustomers",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u16>, Query, description = "Rows of a page: 50 unless given, at most \
            200.", minimum = 1),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "A page. `Link` with `rel=\"next\"` leads to the next one.",
            body = PageBody<Customer>),
        (status = 304, description = "The client has this page."),
        TooEarly, Failures,
    ),
)]
pub(super) async fn list_customers(
    State(api): State<Api>,
    mut input: Input,
) -> Result<Response, Error> {
    let list = api.cursors.list(PATH, &[]);
    let after = input.params.take("cursor", |text| list.id(text));
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Customers).await?;
    let after = after.as_deref();
    let positions = freshness.positions();
    let read = |database: Database| async move {
        database.customers(after, rows_max, !positions.is_empty()).await
    };
    let ((page, marks), _) = api.servers.read(Projection::Customers, positions, read).await?;
    freshness.judge_marks(Projection::Customers, &marks)?;
    let query = [("limit", Some(rows_max.to_string()))];
    let next_cursor = page.next.as_deref().map(|id| list.of_id(id));
    let body = PageBody { items: page.items, next_cursor };
    let answer = page::answer(&headers, Keep::Own, PATH, &query, &body)?;
    Ok(answer::note_parked(answer, api.tracker.parked(Projection::Customers)))
}
