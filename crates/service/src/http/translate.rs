//! Turns every error that is not yet a problem document into one: unknown paths, wrong methods,
//! refused bodies, rejections of extractors, panics.

use std::any::Any;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};

use crate::problem::{Kind, Problem, Retry};

/// Longest library text taken over as the detail of a problem.
const DETAIL_BYTES_MAX: u64 = 2_048;

/// Passes answers on; rewrites errors in plain text. Headers such as `Allow` and `Retry-After`
/// stay.
pub(super) async fn translate(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let after_fault = Retry::after_fault(&method, request.headers());
    let response = next.run(request).await;
    let status = response.status();
    // The router adds `Allow` outside this layer, so an unhandled OPTIONS needs only its status.
    if method == Method::OPTIONS && status == StatusCode::METHOD_NOT_ALLOWED {
        return StatusCode::NO_CONTENT.into_response();
    }
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || has_form(response.headers()) {
        return response;
    }
    rewrite(response, after_fault).await
}

/// What a handler that panicked answers; [`translate`] makes a problem of it. The panic itself is
/// logged by the hook of [`telemetry`](crate::telemetry).
pub(super) fn panicked(_payload: Box<dyn Any + Send>) -> Response<Body> {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn rewrite(response: Response, after_fault: Retry) -> Response {
    let (mut parts, body) = response.into_parts();
    let mut problem = Problem::new(Kind::of_status(parts.status));
    if problem.kind().retry == Retry::Unsafe {
        problem = problem.retry(after_fault);
    }
    // Texts about the request help its sender; texts about our own faults stay inside.
    if parts.status.is_client_error()
        && let Some(text) = short_text(body).await
    {
        problem = problem.detail(text);
    }
    let (document, body) = problem.into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(document.headers);
    Response::from_parts(parts, body)
}

/// Whether the handler chose a form: only absent and plain-text bodies come from libraries.
fn has_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| !value.as_bytes().starts_with(b"text/plain"))
}

async fn short_text(body: Body) -> Option<String> {
    let bytes = body.size_hint().exact().filter(|bytes| (1..=DETAIL_BYTES_MAX).contains(bytes))?;
    let text = to_bytes(body, usize::try_from(bytes).ok()?).await.ok()?;
    String::from_utf8(text.to_vec()).ok()
}
