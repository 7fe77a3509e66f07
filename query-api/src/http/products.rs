//! `/v1/products`: one product, and the list.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    Api,
    answer::{self, Keep},
    cursor,
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    page::{self, PageBody},
    params::is_id,
};
use crate::read::{checkpoint::Projection, product::Product};

const PATH: &str = "/v1/products";

/// One product with its price and stock.
#[utoipa::path(
    get, path = "/v1/products/{sku}", tag = "products", operation_id = "getProduct",
    params(("sku" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "The product. `ETag` is its version.", body = Product),
        (status = 304, description = "The client has this version."),
        (status = 404, description = "`unknown-sku`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_product(
    State(api): State<Api>,
    Path(sku): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&sku) {
        return Err(Error::UnknownSku);
    }
    freshness.wait(&api, Projection::Products).await?;
    let product = api.database.product(&sku).await?.ok_or(Error::UnknownSku)?;
    answer::versioned(&headers, product.version, Keep::Shared, &product)
}

/// Products, by SKU.
#[utoipa::path(
    get, path = PATH, tag = "products", operation_id = "listProducts",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u16>, Query, description = "Rows of a page: 50 unless given, at most \
            200.", minimum = 1),
        Consistency, Validators,
    ),
    responses(
        (status = 200, description = "A page. `Link` with `rel=\"next\"` leads to the next one.",
            body = PageBody<Product>),
        (status = 304, description = "The client has this page."),
        TooEarly, Failures,
    ),
)]
pub(super) async fn list_products(
    State(api): State<Api>,
    mut input: Input,
) -> Result<Response, Error> {
    let after = input.params.take("cursor", cursor::product);
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Products).await?;
    let page = api.database.products(after.as_deref(), rows_max).await?;
    let query = [("limit", Some(rows_max.to_string()))];
    let next_cursor = page.next.as_deref().map(cursor::of_product);
    let body = PageBody { items: page.items, next_cursor };
    page::answer(&headers, Keep::Shared, PATH, &query, &body)
}
