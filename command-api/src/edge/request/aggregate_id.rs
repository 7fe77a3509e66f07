//! The aggregate that a path names.

use axum::extract::{FromRequestParts, Path, rejection::PathRejection};
use http::request::Parts;
use service::problem::{Problem, kinds};

/// A SKU or an order id, percent-decoded and not yet checked.
#[derive(Debug)]
pub(crate) struct AggregateId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for AggregateId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        match id {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::new(kinds::BAD_REQUEST)
                .detail("The id in the path is not valid percent-encoded UTF-8.")),
        }
    }
}
