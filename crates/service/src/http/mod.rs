//! HTTP for every process: the accept loop, its limits, and the layers around all routes.
//!
//! Order of the layers, outermost first, and why:
//! 1. observe: the request id exists before anything can fail, and every answer is counted;
//! 2. compression and headers: they apply to errors too;
//! 3. translate: every error below becomes a problem document;
//! 4. panics become errors, so that 1 to 3 see them;
//! 5. body limits: nearest to the handlers that read bodies, once for what arrives and once for what
//!    it is unpacked to.

mod by_name;
mod docs;
mod json;
mod limits;
mod members;
mod observe;
mod rate_limit;
mod request_id;
mod routes;
mod serve;
mod translate;
mod unread;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, map_response};
use axum::{Extension, Router};
use http::{HeaderName, HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{
    DefaultPredicate, NotForContentType, Predicate, SizeAbove,
};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

pub use docs::docs;
pub use json::Json;
pub use limits::Limits;
pub use members::Members;
pub use observe::REQUEST_DURATION;
pub use rate_limit::AtOnce;
pub use request_id::{REQUEST_ID, RequestId};
pub use routes::Routes;
pub use serve::serve;

/// Longest silence within a body that a route reads piece by piece. Such a route times it itself: only
/// it knows when it waits for the client, and when the client waits for it.
#[derive(Debug, Clone, Copy)]
pub struct BodySilence(pub Duration);

impl Default for BodySilence {
    fn default() -> Self {
        Self(Limits::default().body_timeout)
    }
}

/// Answers below this size are not worth compressing: they fit in one packet anyway.
const COMPRESS_BYTES_MIN: u64 = 1_024;

/// Streams of lines are not compressed: a compressor would hold lines back until it has enough.
const LINES: NotForContentType = NotForContentType::const_new("application/x-ndjson");

/// Puts the standard layers around all routes. Routes added later have none of them.
pub fn frame(routes: impl Into<Routes>, limits: &Limits) -> Router {
    observe::describe();
    let Routes { plain, streams, passed } = routes.into();
    let compression = DefaultPredicate::new().and(SizeAbove::new(COMPRESS_BYTES_MIN)).and(LINES);
    // Our limit replaces axum's own, which would be the lower one for large settings. Only gzip is
    // unpacked: it does so within 32 KiB, while other codings let the sender choose the memory.
    let bodies = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(limits.body_timeout))
        .layer(RequestBodyLimitLayer::new(limits.body_bytes_max))
        .layer(RequestDecompressionLayer::new().no_br().no_zstd())
        .layer(RequestBodyLimitLayer::new(limits.body_bytes_max))
        .layer(DefaultBodyLimit::disable());
    // What may have any length may not grow as well: a few bytes would keep a core busy.
    let streams = streams.layer(
        ServiceBuilder::new()
            .layer(Extension(BodySilence(limits.body_timeout)))
            .layer(RequestDecompressionLayer::new().no_gzip().no_br().no_zstd()),
    );
    let answers = ServiceBuilder::new()
        .layer(from_fn(observe::observe))
        .layer(CompressionLayer::new().compress_when(compression))
        .layer(default_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(default_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(default_header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        .layer(default_header(header::CACHE_CONTROL, "no-store"))
        .layer(map_response(unread::close_behind))
        .layer(from_fn(translate::translate))
        .layer(CatchPanicLayer::custom(translate::panicked));
    plain.layer(bodies).merge(streams).merge(passed).layer(answers)
}

/// A header that a handler may override.
fn default_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
