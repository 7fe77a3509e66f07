//! The route of bulk intake.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use service::http::BodySilence;
use service::openapi::Problem as Document;
use service::problem::{Problem, kinds};

use super::openapi::BulkHeaders;
use crate::edge::Edge;
use crate::edge::bulk::{self, Common, Form, LineAnswer};
use crate::edge::request::Patience;

/// The content type of both directions.
const NDJSON: &str = "application/x-ndjson";

/// Send many commands.
///
/// One JSON object per line, one command each: `idempotency_key`, `command` (`RegisterProduct`,
/// `ChangePrice`, `ReceiveStock`, `AdjustStock`, `DeactivateProduct`, `ReactivateProduct`,
/// `SetLowStockThreshold`, `PlaceOrder`, `PayOrder`, `CancelOrder`, `ShipOrder`), the members of that command's own route, `sku` or `order_id` where that route has
/// it in its path, and optionally `if_match` (a version). Every line is answered by one line, as
/// soon as its outcome is known and not in the order of the lines; one line's failure concerns no
/// other. Lines are brought into the log in their order, so lines on one product or order are
/// decided in it. Read the answers while you send: who does not is not read from. Any length; at
/// most 262,144 bytes a line. When the connection breaks, send every line again that was not
/// answered, with the same key.
#[utoipa::path(
    post,
    path = "/v1/commands",
    tag = "bulk",
    operation_id = "sendCommands",
    params(BulkHeaders),
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        example = "{\"idempotency_key\":\"dn-1\",\"command\":\"ReceiveStock\",\"sku\":\"TICKET-A\",\
            \"reference\":\"DN-1\",\"quantity\":100}\n",
    ),
    responses(
        (status = 200, description = "The stream of answered lines.",
            content_type = "application/x-ndjson", body = LineAnswer),
        (status = 415, description = "`unsupported-media-type`: send \
            `application/x-ndjson`, not packed.",
            content_type = "application/problem+json", body = Document),
        (status = 503, description = "`unavailable`: as many streams are open as may be.",
            content_type = "application/problem+json", body = Document),
    ),
)]
pub(super) async fn send(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    stream(edge, request, Form::Commands)
}

/// Register many products.
///
/// One JSON object per line, each a product as `POST /v1/products` takes it, and answered by one
/// line as that route would answer it; `answer` or `problem` says what became of the product. A line
/// may bring an `idempotency_key`; without one the key follows from the line itself, so that the same
/// file can be sent again: what is registered already stays, and is answered as before. Everything
/// else is as for `POST /v1/commands`, which also takes the deliveries that bring stock.
#[utoipa::path(
    post,
    path = "/v1/products:import",
    tag = "bulk",
    operation_id = "importProducts",
    params(BulkHeaders),
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        example = "{\"sku\":\"TICKET-A\",\"name\":\"Ticket, block A\",\
            \"price\":{\"amount\":4990,\"currency\":\"EUR\"}}\n",
    ),
    responses(
        (status = 200, description = "The stream of answered lines.",
            content_type = "application/x-ndjson", body = LineAnswer),
        (status = 415, description = "`unsupported-media-type`: send \
            `application/x-ndjson`, not packed.",
            content_type = "application/problem+json", body = Document),
        (status = 503, description = "`unavailable`: as many streams are open as may be.",
            content_type = "application/problem+json", body = Document),
    ),
)]
pub(super) async fn import_products(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    stream(edge, request, Form::Products)
}

fn stream(edge: Arc<Edge>, request: Request, form: Form) -> Response {
    if !is_ndjson(request.headers()) {
        return Problem::new(kinds::UNSUPPORTED_MEDIA_TYPE)
            .detail("Send one JSON object per line, as application/x-ndjson.")
            .into_response();
    }
    let Ok(place) = Arc::clone(&edge.streams).try_acquire_owned() else {
        return Problem::new(kinds::UNAVAILABLE)
            .detail("As many bulk streams are open as this instance takes; nothing was read.")
            .retry_after(Duration::from_secs(1))
            .into_response();
    };
    let settings = &edge.settings;
    let patience = Patience::read(request.headers(), settings.reply_timeout, settings.wait_max);
    let traceparent = service::trace::current_traceparent();
    let silence = request.extensions().get::<BodySilence>().copied().unwrap_or_default();
    let body = request.into_body().into_data_stream();
    let common = Common { patience, traceparent, silence, form, _place: place };
    let answers = bulk::answers(edge, body, common);
    let mut response = answers.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|text| text.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(NDJSON))
}
