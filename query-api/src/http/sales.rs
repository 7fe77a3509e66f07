//! `/v1/sales`: what was paid and paid back, per day and per product.

use axum::{extract::State, response::Response};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    fault::Fault,
    input::{Checked, Input},
    openapi::{Consistency, Failures, TooEarly, Validators},
    page::{self, PageBody},
    params::{currency, day, id},
};
use crate::read::{
    Database,
    checkpoint::Projection,
    sales::{DaySales, Filter, ProductSales},
};

pub(super) const DAYS: &str = "/v1/sales/days";
pub(super) const PRODUCTS: &str = "/v1/sales/products";

/// Sales per day and currency, newest day first. Days without sales are left out.
///
/// An order is sold on the day of its payment, and refunded on the day on which it was cancelled
/// after that. Days are those of log time in UTC.
#[utoipa::path(
    get, path = DAYS, tag = "sales", operation_id = "listSalesByDay",
    params(
        ("from" = Option<String>, Query, format = "date", description = "The first day that \
            counts."),
        ("to" = Option<String>, Query, format = "date", description = "The last day that counts."),
        ("currency" = Option<String>, Query, description = "Only sales in this currency."),
        ("sku" = Option<String>, Query, description = "Only this product: orders that hold it, \
            with what they hold of it."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u16>, Query, description = "Rows of a page: 50 unless given, at most \
            200.", minimum = 1),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "A page. `Link` with `rel=\"next\"` leads to the next one.",
            body = PageBody<DaySales>),
        (status = 304, description = "The client has this page."),
        TooEarly, Failures,
    ),
)]
pub(super) async fn list_days(State(api): State<Api>, mut input: Input) -> Result<Response, Error> {
    let filter = Filter { sku: input.params.take("sku", id), ..filter(&mut input) };
    let mut query = query(&filter);
    let list = api.cursors.list(DAYS, &query);
    let after = input.params.take("cursor", |text| list.sales_day(text));
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Sales).await?;
    let (filter, after) = (&filter, after.as_ref());
    let positions = freshness.positions();
    let read = |database: Database| async move {
        database.sales_days(filter, after, rows_max, !positions.is_empty()).await
    };
    let ((page, marks), _) = api.servers.read(Projection::Sales, positions, read).await?;
    freshness.judge_marks(Projection::Sales, &marks)?;
    query.push(("limit", Some(rows_max.to_string())));
    let next_cursor = page.next.as_ref().map(|key| list.of_sales_day(key));
    let body = PageBody { items: page.items, next_cursor };
    let answer = page::answer(&headers, Keep::Own, DAYS, &query, &body)?;
    Ok(answer::note_parked(answer, api.tracker.parked(Projection::Sales)))
}

/// Sales per product and currency over the days that count, by SKU. Products without sales are left
/// out.
#[utoipa::path(
    get, path = PRODUCTS, tag = "sales", operation_id = "listSalesByProduct",
    params(
        ("from" = Option<String>, Query, format = "date", description = "The first day that \
            counts."),
        ("to" = Option<String>, Query, format = "date", description = "The last day that counts."),
        ("currency" = Option<String>, Query, description = "Only sales in this currency."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u16>, Query, description = "Rows of a page: 50 unless given, at most \
            200.", minimum = 1),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "A page. `Link` with `rel=\"next\"` leads to the next one.",
            body = PageBody<ProductSales>),
        (status = 304, description = "The client has this page."),
        TooEarly, Failures,
    ),
)]
pub(super) async fn list_products(
    State(api): State<Api>,
    mut input: Input,
) -> Result<Response, Error> {
    let filter = filter(&mut input);
    let mut query = query(&filter);
    let list = api.cursors.list(PRODUCTS, &query);
    let after = input.params.take("cursor", |text| list.sales_product(text));
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Sales).await?;
    let (filter, after) = (&filter, after.as_ref());
    let positions = freshness.positions();
    let read = |database: Database| async move {
        database.sales_products(filter, after, rows_max, !positions.is_empty()).await
    };
    let ((page, marks), _) = api.servers.read(Projection::Sales, positions, read).await?;
    freshness.judge_marks(Projection::Sales, &marks)?;
    query.push(("limit", Some(rows_max.to_string())));
    let next_cursor = page.next.as_ref().map(|key| list.of_sales_product(key));
    let body = PageBody { items: page.items, next_cursor };
    let answer = page::answer(&headers, Keep::Own, PRODUCTS, &query, &body)?;
    Ok(answer::note_parked(answer, api.tracker.parked(Projection::Sales)))
}

/// What both lists filter by.
fn filter(input: &mut Input) -> Filter {
    let (from, to) = (input.params.take("from", day), input.params.take("to", day));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        input.params.fault(Fault::query("to", "must not lie before `from`"));
    }
    Filter { from, to, currency: input.params.take("currency", currency), sku: None }
}

/// The filter as parameters, each written in one way.
pub(super) fn query(filter: &Filter) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("from", filter.from.map(|day| day.to_string())),
        ("to", filter.to.map(|day| day.to_string())),
        ("currency", filter.currency.clone()),
        ("sku", filter.sku.clone()),
    ]
}
