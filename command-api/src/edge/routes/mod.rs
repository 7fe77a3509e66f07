//! The routes of the command API, and their OpenAPI document.

mod commands;
pub mod openapi;
mod orders;
mod problem;
mod products;

use std::sync::Arc;

use axum::routing::get;
use http::header;
use service::http::Routes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Edge;

/// All routes of the edge.
pub fn router(edge: Arc<Edge>) -> Routes {
    let document = openapi::text();
    let document =
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) });
    let plain = commands_alone().split_for_parts().0.with_state(Arc::clone(&edge));
    let streams = streams().split_for_parts().0.with_state(edge);
    Routes { plain: plain.route("/openapi.json", document), streams }
}

/// What the macros tell about all routes.
fn documented() -> utoipa::openapi::OpenApi {
    commands_alone().merge(streams()).into_openapi()
}

/// The routes that take many commands each.
fn streams() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new().routes(routes!(commands::send)).routes(routes!(commands::import_products))
}

/// The routes that take one command each.
fn commands_alone() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new()
        .routes(routes!(products::register))
        .routes(routes!(products::change_price))
        .routes(routes!(products::receive_stock))
        .routes(routes!(products::adjust_stock))
        .routes(routes!(products::deactivate))
        .routes(routes!(products::reactivate))
        .routes(routes!(products::set_low_stock_threshold))
        .routes(routes!(orders::place))
        .routes(routes!(orders::pay))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::ship))
}
