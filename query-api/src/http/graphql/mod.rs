//! `/graphql`: the read functions of REST as a graph, with the same caches, replicas and positions.
//!
//! ```text
//! request -> bounds of the document -> validation, depth, cost -> fields -> loads -> caches, PostgreSQL
//! ```
//!
//! A request brings its positions once, and every field of it waits for them with the same deadline.
//! What fields at one depth ask for by key is read with one statement ([`load`]), at most four
//! statements of a request run at a time ([`reader`]), and its cost bounds how many there can be
//! ([`cost`]). Errors are the problems of REST ([`error`]).
//!
//! async-graphql-axum is not used: its extractor refuses in plain text, and its socket has no bounds.

mod answer;
mod bound;
mod command;
mod cost;
mod customer;
mod error;
mod history;
mod list;
mod load;
mod manners;
mod money;
mod order;
mod page;
mod product;
mod query;
mod reader;
mod sales;
mod scalar;
mod settle;
mod socket;
mod subscription;
mod sums;
mod why;

use std::{fmt, time::Duration};

use async_graphql::{EmptyMutation, Request, Schema, Value, Variables};
use axum::{
    Router,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::UPGRADE;
use serde::de::DeserializeOwned;
use service::{http::Json, problem::Problem};

#[cfg(test)]
pub(super) use self::error::TOO_COMPLEX;
use self::{
    load::Loads,
    query::Query,
    reader::Reader,
    settle::{Settled, Settling},
    socket::Sockets,
    subscription::Subscription,
};
use super::{
    Api,
    error::Error,
    fault::Fault,
    freshness::Freshness,
    input::{Checked, Input},
};

/// Directives of one field.
const DIRECTIVES_MAX: usize = 10;

/// Limits of a request, and what is open for development.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Fields within fields.
    pub depth_max: usize,
    /// What the fields of a request may cost together.
    pub complexity_max: usize,
    /// Whether clients may ask for the schema.
    pub introspection: bool,
    /// Whether a browser gets a page to try queries on.
    pub playground: bool,
    /// WebSockets of this process at the same time.
    pub sockets_max: usize,
    /// How long a WebSocket's client may take nothing, or answer no ping, before it is cut.
    pub silence_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 15,
            complexity_max: 10_000,
            introspection: true,
            playground: false,
            sockets_max: 5_000,
            silence_max: Duration::from_secs(45),
        }
    }
}

type Graph = Schema<Query, EmptyMutation, Subscription>;

/// The schema with its limits; cheap to clone.
#[derive(Clone)]
pub struct Graphql {
    graph: Graph,
    limits: Limits,
    sockets: Sockets,
}

impl fmt::Debug for Graphql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graphql").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Graphql {
    pub fn new(limits: Limits) -> Self {
        let graph = Schema::build(Query::default(), EmptyMutation, Subscription)
            .limit_depth(limits.depth_max)
            .limit_complexity(limits.complexity_max)
            .limit_directives(DIRECTIVES_MAX);
        let graph = if limits.introspection { graph } else { graph.disable_introspection() };
        Self { graph: graph.finish(), limits, sockets: Sockets::new(limits.sockets_max) }
    }

    /// Waits until all WebSockets have ended, which they do at the stop.
    pub async fn ended(&self) {
        self.sockets.ended().await;
    }

    /// The schema as text (SDL).
    pub fn sdl(&self) -> String {
        self.graph.sdl()
    }
}

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/graphql", get(by_get).post(by_post))
}

async fn by_post(
    State(api): State<Api>,
    input: Input,
    Json(request): Json<Request>,
) -> Result<Response, Error> {
    execute(api, input.check()?, request).await
}

/// A query as parameters, a WebSocket, or a page for browsers.
async fn by_get(
    State(api): State<Api>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    mut input: Input,
) -> Result<Response, Error> {
    if input.has(&UPGRADE) {
        let checked = input.check()?;
        return Ok(match upgrade {
            Ok(upgrade) => socket::open(api, &checked.freshness, upgrade),
            Err(rejection) => rejection.into_response(),
        });
    }
    let query = input.params.take("query", |text| Ok(text.to_owned()));
    let operation_name = input.params.take("operationName", |text| Ok(text.to_owned()));
    let variables = input.params.take("variables", json::<Variables>);
    let extensions = input.params.take("extensions", json);
    let Some(query) = query else {
        let checked = input.check()?;
        if api.graphql.limits.playground && answer::accepts(&checked.headers, "text/html") {
            return Ok(page::page());
        }
        return Err(Error::Invalid(vec![Fault::query("query", "must be a GraphQL document")]));
    };
    let mut request = Request::new(query).variables(variables.unwrap_or_default());
    (request.operation_name, request.extensions) = (operation_name, extensions.unwrap_or_default());
    execute(api, input.check()?, request).await
}

async fn execute(api: Api, checked: Checked, request: Request) -> Result<Response, Error> {
    let Checked { headers, freshness } = checked;
    let freshness = with_position(freshness, &request)?;
    let Graphql { graph, limits, .. } = api.graphql.clone();
    let (request, reader, settled) = match prepared(api, freshness, request) {
        Ok(prepared) => prepared,
        Err(problem) => return Ok(answer::answer(&headers, &error::only(problem), 0)),
    };
    let executed = Settling::new(graph.execute(request), settled).await;
    let executed = error::coded(executed, &limits);
    Ok(answer::answer(&headers, &executed, reader.parked()))
}

/// A request within bounds, with what its fields share.
fn prepared(
    api: Api,
    freshness: Freshness,
    mut request: Request,
) -> Result<(Request, Reader, Settled), Problem> {
    bound::check(&mut request, &api.graphql.limits)?;
    let (reader, settled) = (Reader::new(api, freshness), Settled::new());
    let loads = Loads::of(reader.clone(), settled.clone());
    Ok((request.data(loads).data(reader.clone()), reader, settled))
}

/// A position may also come as an extension of the request, where headers cannot be set.
fn with_position(freshness: Freshness, request: &Request) -> Result<Freshness, Error> {
    let refused = |why: String| {
        let pointer = "/extensions/position".to_owned();
        Error::Invalid(vec![Fault { pointer, detail: why }])
    };
    match request.extensions.get("position") {
        None | Some(Value::Null) => Ok(freshness),
        Some(Value::String(token)) => freshness.and(token).map_err(refused),
        Some(_) => Err(refused("must be a position, as text".to_owned())),
    }
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("must be a JSON object: {error}"))
}
