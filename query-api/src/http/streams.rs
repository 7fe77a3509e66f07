//! `/v1/streams`: live streams as server-sent events.
//!
//! Everything below this path stays open for long and must not be held back by a proxy.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use axum::{
    extract::{Path, State},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use events::Kind;
use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_CONTROL};
use service::{
    http::AtOnce,
    problem::{self, Problem, Retry},
};

use super::{
    Api, answer,
    error::{self, Error, UNKNOWN_ORDER},
    fault::Fault,
    input::Input,
    openapi::{Consistency, Problem as Document, TooEarly},
    params::{Params, id, is_id},
    waiting::Waiting,
};
use crate::{
    live::{
        Cursor, End, Filter, Message, OrderChanged, ProductChanged, Refused, Session, Snapshot,
    },
    read::checkpoint::Projection,
};

/// What lies behind the client's id is not kept any more.
pub(super) const GONE: problem::Kind = problem::Kind::new(
    "resume-point-gone",
    StatusCode::GONE,
    "The stream cannot go on from there",
    Retry::Never,
);
/// The process serves no more streams.
pub(super) const TOO_MANY: problem::Kind = problem::Kind::new(
    "too-many-streams",
    StatusCode::SERVICE_UNAVAILABLE,
    "Too many streams are open",
    Retry::Safe,
);
/// The client did not keep up.
pub(super) const SLOW: problem::Kind = problem::Kind::new(
    "slow-client",
    StatusCode::SERVICE_UNAVAILABLE,
    "The client did not keep up with the stream",
    Retry::Safe,
);
/// The process is stopping.
pub(super) const STOPPING: problem::Kind = problem::Kind::new(
    "stopping",
    StatusCode::SERVICE_UNAVAILABLE,
    "This process is stopping",
    Retry::Safe,
);

/// When a client should come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// Clients of a process that stops come back within this time, not all at once.
const SPREAD_MS: u64 = 4_000;
/// SKUs of one stream.
const SKUS_MAX: usize = 100;

/// One order, live.
///
/// Begins with the order as it stands (`snapshot`), then one message for each of its events
/// (`order`).
#[utoipa::path(
    get, path = "/v1/streams/orders/{order_id}", tag = "streams", operation_id = "streamOrder",
    params(("order_id" = String, Path), Resume, Consistency),
    responses(
        (status = 200, description = "Server-sent events: `snapshot` (an order), `order`, `end` (a \
            problem document that says why).", body = OrderMessage,
            content_type = "text/event-stream"),
        (status = 404, description = "`unknown-order`", body = Document,
            content_type = "application/problem+json"),
        Refusals, TooEarly,
    ),
)]
pub(super) async fn stream_order(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    input: Input,
) -> Result<Response, Refusal> {
    if !is_id(&order_id) {
        return Err(Error::UnknownOrder.into());
    }
    open(&api, Filter::Order(order_id), &headers, input).await
}

/// A customer's orders, live.
///
/// Begins with the newest orders as they stand (`snapshot`), then one message for each event of any
/// order of the customer (`order`).
#[utoipa::path(
    get, path = "/v1/streams/customers/{customer_id}/orders", tag = "streams",
    operation_id = "streamOrdersOfCustomer",
    params(("customer_id" = String, Path), Resume, Consistency),
    responses(
        (status = 200, description = "Server-sent events: `snapshot` (`items`: at most 200 orders, \
            newest first), `order`, `end` (a problem document that says why).",
            body = OrderMessage, content_type = "text/event-stream"),
        Refusals, TooEarly,
    ),
)]
pub(super) async fn stream_customer(
    State(api): State<Api>,
    Path(customer_id): Path<String>,
    headers: HeaderMap,
    mut input: Input,
) -> Result<Response, Refusal> {
    if let Err(why) = id(&customer_id) {
        input.params.fault(Fault::path("customer_id", why));
    }
    open(&api, Filter::Customer(customer_id), &headers, input).await
}

/// Stock and prices, live.
///
/// Begins with the products that were asked for as they stand (`snapshot`), then a message whenever
/// one has changed (`product`). Without `sku` all products are streamed and the snapshot is empty:
/// open the stream, then read `/v1/products`; of two states the higher version counts.
#[utoipa::path(
    get, path = "/v1/streams/products", tag = "streams", operation_id = "streamProducts",
    params(
        ("sku" = Option<String>, Query, description = "Only these products: up to 100 SKUs, \
            separated by commas."),
        Resume, Consistency,
    ),
    responses(
        (status = 200, description = "Server-sent events: `snapshot` (`items`: products), \
            `product`, `end` (a problem document that says why).", body = ProductMessage,
            content_type = "text/event-stream"),
        Refusals, TooEarly,
    ),
)]
pub(super) async fn stream_products(
    State(api): State<Api>,
    headers: HeaderMap,
    mut input: Input,
) -> Result<Response, Refusal> {
    let skus = input.params.take("sku", skus);
    open(&api, Filter::Products(skus), &headers, input).await
}

/// One message of a stream of orders, as server-sent events put it.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct OrderMessage {
    /// Where the stream goes on from: `Last-Event-ID`.
    #[schema(nullable = false)]
    id: Option<String>,
    /// Absent in a message that only moves the id along.
    #[schema(nullable = false, pattern = "^(snapshot|order|end)$", example = "order")]
    event: Option<String>,
    /// Milliseconds after which to come back when the connection is lost.
    #[schema(nullable = false)]
    retry: Option<u64>,
    /// JSON. Of `snapshot`: an `Order`, or `items` with several `OrderOverview`; of `order`: an
    /// `OrderChanged`; of `end`: a `Problem`.
    #[schema(nullable = false, content_media_type = "application/json")]
    data: Option<String>,
}

/// One message of a stream of products, as server-sent events put it.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct ProductMessage {
    /// Where the stream goes on from: `Last-Event-ID`.
    #[schema(nullable = false)]
    id: Option<String>,
    /// Absent in a message that only moves the id along.
    #[schema(nullable = false, pattern = "^(snapshot|product|end)$", example = "product")]
    event: Option<String>,
    /// Milliseconds after which to come back when the connection is lost.
    #[schema(nullable = false)]
    retry: Option<u64>,
    /// JSON. Of `snapshot`: `items` with `Product`s; of `product`: a `ProductChanged`; of `end`: a
    /// `Problem`.
    #[schema(nullable = false, content_media_type = "application/json")]
    data: Option<String>,
}

/// Where a stream goes on.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) struct Resume {
    /// The last `id` that the client has seen, on any instance: what came after follows, without a
    /// snapshot. For one order also the position of a command. Clients that cannot set headers send
    /// it as the query parameter `last_event_id`.
    #[param(rename = "Last-Event-ID", required = false)]
    last_event_id: String,
}

/// Why a stream is not opened.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "read by utoipa alone")]
pub(super) enum Refusals {
    /// `resume-point-gone`: what lies behind the id is not kept any more; open the stream anew.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(Document),
    /// `invalid`: parameters or headers that cannot be used, all of them in `errors`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Document),
    /// `unavailable`: PostgreSQL cannot be reached. `parked`: what the position stands for may wait
    /// behind an event that could not be applied. `too-many-streams`: as many are open as this
    /// instance serves. `stopping`: another instance answers.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Document),
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum Refusal {
    Query(Error),
    Live(Refused),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Query(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Query(error) => error.into_response(),
            Refusal::Live(refused) => {
                refusal(refused, |why| Fault::header("Last-Event-ID", why)).into_response()
            }
        }
    }
}

/// Why a stream is not opened; `resume` makes a fault of what the client would go on from.
pub(super) fn refusal(refused: Refused, resume: impl FnOnce(&str) -> Fault) -> Problem {
    match refused {
        Refused::Read(error) => error::problem(error.into()),
        Refused::UnknownOrder => Problem::new(UNKNOWN_ORDER),
        Refused::Foreign => {
            error::problem(Error::Invalid(vec![resume("belongs to another stream")]))
        }
        Refused::TooMany => Problem::new(TOO_MANY).retry_after(COME_BACK),
        Refused::Stopping => why(End::Stopping).retry_after(COME_BACK),
        Refused::Gone => why(End::Gone),
    }
}

/// Why a stream ends.
pub(super) fn why(end: End) -> Problem {
    match end {
        End::Slow => Problem::new(SLOW).detail(
            "More has happened than this process keeps for one client; go on from the last id.",
        ),
        End::Gone => Problem::new(GONE).detail(
            "What came after the id is not kept any more; open the stream anew, without an id.",
        ),
        End::Stopping => {
            Problem::new(STOPPING).detail("Go on from the last id: another process answers.")
        }
        End::Unavailable => Problem::new(problem::kinds::UNAVAILABLE)
            .detail("PostgreSQL cannot be read; go on from the last id."),
    }
}

async fn open(
    api: &Api,
    filter: Filter,
    headers: &HeaderMap,
    mut input: Input,
) -> Result<Response, Refusal> {
    let kind = match filter.projection() {
        Projection::Products => Kind::Products,
        _ => Kind::Orders,
    };
    let resume = resume(headers, &mut input.params, kind);
    let freshness = input.check()?.freshness;
    freshness.wait(api, filter.projection()).await?;
    let waiting = Waiting::judge(api, &freshness, &filter).await?;
    let session = match api.live.open(filter, resume).await {
        Ok(session) => session,
        Err(refused) => return Ok(told(api, Refusal::Live(refused).into_response())),
    };
    let stream = futures::stream::unfold(session, move |mut session| async move {
        let message = session.next().await?;
        Some((Ok::<_, Infallible>(event(&session, message, kind)), session))
    });
    let mut response = Sse::new(stream).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(told(api, answer::note_parked(response, waiting.count)))
}

/// Says how many more streams there is room for.
fn told(api: &Api, response: Response) -> Response {
    AtOnce::new("live-streams", api.live.streams_max()).tell(api.live.room(), response)
}

/// The header counts more: a browser that comes back sends it beside the address it began with.
fn resume(headers: &HeaderMap, params: &mut Params, kind: Kind) -> Option<Cursor> {
    let read = |text: &str| Cursor::of_id(text, kind).map_err(|why| why.to_string());
    let from_query = params.take("last_event_id", read);
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return from_query;
    };
    let cursor = value.to_str().map_err(|_| "is no text".to_owned()).and_then(read);
    cursor.map_err(|why| params.fault(Fault::header("Last-Event-ID", why))).ok()
}

fn event(session: &Session, message: Message, kind: Kind) -> Event {
    let id = session.cursor().to_id(kind);
    let event = Event::default().id(id);
    match message {
        Message::Snapshot(snapshot) => snapshot_event(event.retry(COME_BACK), &snapshot),
        Message::Change(change) if kind == Kind::Orders => {
            json(event.event("order"), OrderChanged::of(&change))
        }
        Message::Change(change) => json(event.event("product"), ProductChanged::of(&change)),
        // An id without data moves the client along without a word to its user.
        Message::Still => event.comment("still here"),
        Message::End(end) => {
            let spread = Duration::from_millis(u64::from(rand::random::<u16>()) % SPREAD_MS);
            let event = event.event("end").retry(COME_BACK + spread);
            let document = why(end).into_document();
            json(event, Ok(document))
        }
    }
}

fn snapshot_event(event: Event, snapshot: &Snapshot) -> Event {
    json(event.event("snapshot"), Ok(snapshot))
}

/// A state that cannot be read is a fault of ours, which must not end the stream: the client gets
/// the event without it.
fn json(event: Event, body: Result<impl serde::Serialize, serde_json::Error>) -> Event {
    let text = body.and_then(|body| serde_json::to_string(&body));
    match text {
        Ok(text) => event.data(text),
        Err(error) => {
            tracing::error!(%error, "A change cannot be shown.");
            event.data("null")
        }
    }
}

fn skus(text: &str) -> Result<BTreeSet<String>, String> {
    these(text.split(',').map(str::to_owned).collect())
}

/// The products of one stream, unless they are too many or none.
pub(super) fn these(skus: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    if skus.is_empty() || skus.len() > SKUS_MAX || skus.iter().any(|sku| !is_id(sku)) {
        return Err(format!("must be 1 to {SKUS_MAX} SKUs, separated by commas"));
    }
    Ok(skus)
}
