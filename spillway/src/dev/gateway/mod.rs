//! The one base URL in front of command-api and query-api: a streaming proxy in this process.
//!
//! | path | answered by |
//! |---|---|
//! | `/v1/…`, GET and HEAD | query-api |
//! | `/v1/…`, other methods | command-api |
//! | `/v1/…`, `OPTIONS`, and methods that neither side takes | here: what both take |
//! | `/graphql`, also as a WebSocket | query-api |
//! | `/problems/…`, `/docs/…` | query-api |
//! | `/openapi.json` | here: the documents of both, merged |
//! | `/livez`, `/readyz` | here: this process; this and all behind it |

#[cfg(test)]
mod behind_nginx;
mod described;
mod hearing;
mod openapi;
mod probes;
mod route;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::HeaderValue,
    response::{IntoResponse as _, Response},
    routing::get,
};
use axum_reverse_proxy::{ProxyError, ReverseProxy};
use futures::StreamExt as _;
use http::{StatusCode, header::CONTENT_TYPE};
use service::{
    http::{Limits, REQUEST_ID, RequestId, Routes, frame, serve},
    problem::{Kind, Problem, Retry, kinds},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{described::described, hearing::Connector, probes::Probes, route::Target};
use crate::running::Service;

pub(crate) use self::{openapi::merge, probes::TITLE};

/// The process behind did not answer. Nothing reached it when the connection failed; whether it
/// acted on a request that it did not answer is unknown.
const BAD_GATEWAY: Kind = Kind::new(
    "bad-gateway",
    StatusCode::BAD_GATEWAY,
    "The process behind does not answer",
    Retry::Unsafe,
);

/// The processes behind the gateway.
#[derive(Debug, Clone)]
pub(super) struct Upstreams {
    pub(super) command_api: Service,
    pub(super) projector: Service,
    pub(super) query_api: Service,
}

/// The proxies, one for each side.
#[derive(Clone)]
struct Sides {
    commands: ReverseProxy<Connector>,
    queries: ReverseProxy<Connector>,
    stop: CancellationToken,
}

/// The proxy with all its routes.
#[derive(Debug)]
pub(super) struct Gateway {
    router: Router,
    limits: Limits,
    stop: CancellationToken,
}

impl Gateway {
    /// # Errors
    /// The client that asks the processes behind cannot be made.
    pub(super) fn new(upstreams: Upstreams, stop: CancellationToken) -> anyhow::Result<Self> {
        let limits = Limits::default();
        let router = frame(router(upstreams, stop.clone())?, &limits);
        Ok(Self { router, limits, stop })
    }

    /// Serves the base URL on `listener` until the stop, then lets requests in flight finish.
    pub(super) async fn serve(self, listener: TcpListener) {
        serve(listener, self.router, &self.limits, self.stop).await;
    }
}

fn router(upstreams: Upstreams, stop: CancellationToken) -> anyhow::Result<Routes> {
    let side = |url: &str| ReverseProxy::new_with_client("/", url, hearing::client());
    let sides = Sides {
        commands: side(&upstreams.command_api.url),
        queries: side(&upstreams.query_api.url),
        stop,
    };
    let plain = Router::new()
        .route("/livez", get(|| async { StatusCode::OK }))
        .route("/readyz", get(probes::readyz))
        .route("/openapi.json", get(probes::openapi))
        .with_state(Probes::new(upstreams)?);
    let passed = described(&crate::openapi::document()?).fallback(forward).with_state(sides);
    Ok(Routes { passed, ..Routes::from(plain) })
}

async fn forward(State(sides): State<Sides>, mut request: Request) -> Response {
    let target = route::target(request.method(), request.uri().path());
    let (side, name) = match target {
        Target::Commands => (sides.commands, "command-api"),
        Target::Queries => (sides.queries, "query-api"),
        Target::Nobody => return nobody(),
    };
    let retry = match target {
        // Whatever the method is, it reads.
        Target::Queries => Retry::Safe,
        _ => Retry::after_fault(request.method(), request.headers()),
    };
    let stop = sides.stop;
    name_request(&mut request);
    // The proxy never fails: it answers 502 itself and says so in an extension.
    let Ok(response) = side.proxy_request(request).await;
    match response.extensions().get::<ProxyError>() {
        None => until(stop, response),
        Some(error) => unanswered(name, error, retry),
    }
}

/// Passes the request's id on, so that one id names it in every log.
fn name_request(request: &mut Request) {
    let id = request.extensions().get::<RequestId>();
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
}

/// Streams of events end with the gateway, which would wait for them in vain otherwise.
fn until(stop: CancellationToken, response: Response) -> Response {
    let kind = response.headers().get(CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    response
        .map(|body| Body::from_stream(body.into_data_stream().take_until(stop.cancelled_owned())))
}

fn unanswered(name: &str, error: &ProxyError, retry: Retry) -> Response {
    tracing::warn!(process = name, error = error.message(), "a request was not answered");
    let (detail, retry) = if error.is_connect() {
        (format!("{name} cannot be reached; nothing was sent to it."), Retry::Safe)
    } else {
        (format!("{name} did not answer the request; what it did is unknown."), retry)
    };
    Problem::new(BAD_GATEWAY).detail(detail).retry(retry).into_response()
}

fn nobody() -> Response {
    Problem::new(kinds::NOT_FOUND)
        .detail("Commands and queries live below /v1; /openapi.json describes them.")
        .into_response()
}

#[cfg(test)]
mod tests;
