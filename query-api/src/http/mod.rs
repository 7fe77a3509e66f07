//! REST over the read functions, one file per route group; and [`graphql`] over the same.
//!
//! Every handler goes the same way: read the whole [`input`](input::Input) and answer all its
//! faults at once; wait until the read model is fresh enough; read; answer with ETag and cache
//! rules. Everything that is not an answer is an [`error::Error`].

mod answer;
mod commands;
mod cursor;
mod customers;
mod error;
mod fault;
mod freshness;
mod graphql;
mod input;
mod openapi;
mod orders;
mod page;
mod params;
mod prefer;
mod products;
mod row;
mod sales;
mod streams;
mod waiting;
mod why;

use axum::{Router, middleware::from_fn_with_state};

use service::{http::docs, problem};

use crate::{cache::Cache, live::Live, position::Tracker, read::Database, servers::Servers};

pub use cursor::Cursors;
pub use graphql::{Graphql, Limits as GraphqlLimits};
pub use openapi::document;
pub use prefer::Waits;

/// What the handlers share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// The primary.
    pub database: Database,
    /// How far the read models are on the primary.
    pub tracker: Tracker,
    pub servers: Servers,
    pub cache: Cache,
    pub waits: Waits,
    pub live: Live,
    pub cursors: Cursors,
    pub graphql: Graphql,
}

/// All routes of this process but the frame's.
pub fn router(api: Api) -> Router {
    let (queries, _) = openapi::routes().split_for_parts();
    queries
        .merge(graphql::routes())
        .layer(from_fn_with_state(api.waits, prefer::apply))
        .merge(openapi::route())
        .with_state(api)
        .merge(problem::pages())
        .merge(docs())
}
