//! `/docs`: the description of the API, to read and to try. Nothing is loaded from elsewhere: the page
//! is part of the program, and its policy lets the browser ask nobody but this host.

use axum::Router;
use http::{HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Stands in for the stricter policy of all other answers. Swagger UI puts styles into its elements,
/// and pictures into its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// It changes with releases only.
const KEEP: &str = "public, max-age=300, stale-while-revalidate=3600";

/// The page of the description that this host has at `/openapi.json`: a process's own, or that of
/// both APIs where one door stands in front of them.
pub fn docs() -> Router {
    let config = Config::from("/openapi.json")
        .use_base_layout()
        .deep_linking(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        // A picture from a host of its maker, otherwise.
        .validator_url("none");
    let headers = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static(KEEP),
        ));
    Router::from(SwaggerUi::new("/docs").config(config)).layer(headers)
}
