//! What every query reads from its request.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, request::Parts};

use super::{Api, error::Error, freshness::Freshness, params::Params};

/// A request whose parameters are still to be taken.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) params: Params,
    headers: HeaderMap,
    freshness: Freshness,
}

/// A request without faults.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) headers: HeaderMap,
    pub(super) freshness: Freshness,
}

impl FromRequestParts<Api> for Input {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let mut params = Params::of(&parts.uri);
        let freshness = Freshness::read(parts, &mut params, api.waits);
        Ok(Self { params, headers: parts.headers.clone(), freshness })
    }
}

impl Input {
    /// Whether the request has a header.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.headers.contains_key(name)
    }

    /// Ends the reading: answers all faults, among them parameters that the route does not know.
    pub(super) fn check(self) -> Result<Checked, Error> {
        self.params.finish()?;
        Ok(Checked { headers: self.headers, freshness: self.freshness })
    }
}
