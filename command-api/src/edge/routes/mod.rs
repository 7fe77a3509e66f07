//! The routes of the command API, and their OpenAPI document.

pub mod openapi;
mod orders;
mod problem;
mod products;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::header;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Edge;

/// All routes of the edge.
pub fn router(edge: Arc<Edge>) -> Router {
    let document = openapi::text();
    let document =
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) });
    documented().0.with_state(edge).route("/openapi.json", document)
}

/// The command routes, and what the macros tell about them.
fn documented() -> (Router<Arc<Edge>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::new()
        .routes(routes!(products::register))
        .routes(routes!(products::change_price))
        .routes(routes!(products::receive_stock))
        .routes(routes!(products::adjust_stock))
        .routes(routes!(orders::place))
        .routes(routes!(orders::pay))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::ship))
        .split_for_parts()
}
