//! Turns commands away before they are read, while every shard refuses and a crowd comes.
//!
//! To know its shard, a command has to be parsed and checked, which costs several times what the
//! answer costs. When all shards of its kind would refuse it, that is for nothing, and what it takes,
//! those who are let in wait for. So the body is taken from the connection, and not looked at.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use events::Kind;

use crate::edge::Edge;
use crate::edge::answer::not_appended;
use crate::edge::submit::NotAppended;

/// Answers instead of the handlers when no shard of `kind` has room.
pub(super) async fn turn_away(
    State((kind, edge)): State<(Kind, Arc<Edge>)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(wait) = edge.shards.turned_away(kind, Instant::now()) else {
        return next.run(request).await;
    };
    match Bytes::from_request(request, &()).await {
        Ok(_) => not_appended(NotAppended::Busy { wait }).into_response(),
        Err(rejection) => rejection.into_response(),
    }
}
