//! `/v1/products`: one product, and the list.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    page::{self, PageBody},
    params::{flag, is_id, words},
    row,
};
use crate::{
    cache::Key,
    read::{
        Database,
        checkpoint::Projection,
        product::{Filter, Product},
    },
};

pub(super) const PATH: &str = "/v1/products";

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
    let key = Key::product(&sku);
    row::answer(&api, &headers, &freshness, &key, Keep::Shared, Error::UnknownSku).await
}

/// Products, by SKU: all, or those that the filters find.
#[utoipa::path(
    get, path = PATH, tag = "products", operation_id = "listProducts",
    params(
        ("q" = Option<String>, Query, description = "Words that the name or the SKU holds, in any \
            order: `red shirt`, `\"red shirt\"`, `shirt or jacket`, `shirt -red`."),
        ("in_stock" = Option<bool>, Query, description = "Only products of which pieces can still \
            be ordered, or only those that are sold out."),
        ("active" = Option<bool>, Query, description = "Only products on sale, or only those that \
            were taken off."),
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
    let filter = Filter {
        words: input.params.take("q", words),
        in_stock: input.params.take("in_stock", flag),
        active: input.params.take("active", flag),
    };
    let mut query = query(&filter);
    let list = api.cursors.list(PATH, &query);
    let after = input.params.take("cursor", |text| list.id(text));
    let rows_max = input.params.limit();
    let Checked { headers, freshness } = input.check()?;
    freshness.wait(&api, Projection::Products).await?;
    let (filter, after) = (&filter, after.as_deref());
    let positions = freshness.positions();
    let read = |database: Database| async move {
        database.find_products(filter, after, rows_max, !positions.is_empty()).await
    };
    let ((page, marks), _) = api.servers.read(Projection::Products, positions, read).await?;
    freshness.judge_marks(Projection::Products, &marks)?;
    query.push(("limit", Some(rows_max.to_string())));
    let next_cursor = page.next.as_deref().map(|sku| list.of_id(sku));
    let body = PageBody { items: page.items, next_cursor };
    let answer = page::answer(&headers, Keep::Shared, PATH, &query, &body)?;
    Ok(answer::note_parked(answer, api.tracker.parked(Projection::Products)))
}

/// The filter as parameters, each written in one way.
pub(super) fn query(filter: &Filter) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("q", filter.words.clone()),
        ("in_stock", filter.in_stock.map(|is| is.to_string())),
        ("active", filter.active.map(|is| is.to_string())),
    ]
}
