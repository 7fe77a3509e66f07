//! The paths that the descriptions of both sides name, with the methods of both.
//!
//! A request is passed on by its method, and the process that gets it knows its own methods alone. So
//! `OPTIONS` and `405` of such a path are answered here: this router knows what either side takes.

use axum::{
    Router,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::Value;

use super::{Sides, forward};

/// Passes on what `document` describes.
pub(super) fn described(document: &Value) -> Router<Sides> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.fold(Router::new(), |router, (path, item)| router.route(path, methods(item)))
}

/// Every method of a path; its answer to any other one names them.
fn methods(item: &Value) -> MethodRouter<Sides> {
    let members = item.as_object().into_iter().flatten();
    let filters = members.filter_map(|(name, _)| filter(name));
    filters.fold(MethodRouter::new(), |methods, filter| methods.merge(on(filter, forward)))
}

/// The method that a member of a path item stands for, if it is one.
fn filter(name: &str) -> Option<MethodFilter> {
    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok()?;
    MethodFilter::try_from(method).ok()
}
