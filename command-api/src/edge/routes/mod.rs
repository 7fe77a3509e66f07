//! The routes of the command API, and their OpenAPI document.

mod commands;
pub mod openapi;
mod orders;
mod products;
mod unread;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use events::Kind;
use http::header;
use service::http::{AtOnce, Routes, docs};
use service::problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Edge;

/// All routes of the edge.
pub fn router(edge: Arc<Edge>) -> Routes {
    let document = openapi::text();
    let document =
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) });
    let of_kind = |kind| {
        let turn_away = from_fn_with_state((kind, Arc::clone(&edge)), unread::turn_away);
        single(kind).split_for_parts().0.route_layer(turn_away)
    };
    let commands = Kind::ALL.map(of_kind).into_iter().fold(Router::new(), Router::merge);
    let plain = commands.layer(from_fn_with_state(
        (AtOnce::new("commands-in-flight", edge.settings.in_flight_max), Arc::clone(&edge)),
        tell_in_flight,
    ));
    let plain = plain.with_state(Arc::clone(&edge));
    let streams = streams().split_for_parts().0.layer(from_fn_with_state(
        (AtOnce::new("bulk-streams", edge.settings.bulk_streams_max), Arc::clone(&edge)),
        tell_bulk_streams,
    ));
    let streams = streams.with_state(edge);
    let plain = plain.route("/openapi.json", document).merge(problem::pages()).merge(docs());
    Routes { plain, streams, ..Routes::default() }
}

async fn tell_in_flight(
    State((bound, edge)): State<(AtOnce, Arc<Edge>)>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    bound.tell(edge.settings.in_flight_max.saturating_sub(edge.waiting.in_flight()), response)
}

async fn tell_bulk_streams(
    State((bound, edge)): State<(AtOnce, Arc<Edge>)>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    bound.tell(edge.streams.available_permits(), response)
}

/// What the macros tell about all routes.
fn documented() -> utoipa::openapi::OpenApi {
    let single = Kind::ALL.map(single).into_iter().fold(OpenApiRouter::new(), OpenApiRouter::merge);
    single.merge(streams()).into_openapi()
}

/// The routes that take many commands each.
fn streams() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new().routes(routes!(commands::send)).routes(routes!(commands::import_products))
}

/// The routes that take one command each on an aggregate of this kind.
fn single(kind: Kind) -> OpenApiRouter<Arc<Edge>> {
    match kind {
        Kind::Orders => of_orders(),
        Kind::Products => of_products(),
    }
}

fn of_products() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new()
        .routes(routes!(products::register))
        .routes(routes!(products::change_price))
        .routes(routes!(products::receive_stock))
        .routes(routes!(products::adjust_stock))
        .routes(routes!(products::deactivate))
        .routes(routes!(products::reactivate))
        .routes(routes!(products::set_low_stock_threshold))
}

fn of_orders() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::new()
        .routes(routes!(orders::place))
        .routes(routes!(orders::pay))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::ship))
}
