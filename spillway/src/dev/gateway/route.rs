//! Which process answers a request to the one base URL.

use axum::http::Method;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// command-api.
    Commands,
    /// query-api.
    Queries,
    /// Nobody: there is no such path.
    Nobody,
}

/// Reading goes to the read side, also as a POST to `/graphql`, which only reads; everything else to
/// the write side. A path is not looked at
/// further: the process behind knows which methods it allows there.
pub(super) fn target(method: &Method, path: &str) -> Target {
    if is_below(path, "/v1") {
        match *method {
            Method::GET | Method::HEAD => Target::Queries,
            _ => Target::Commands,
        }
    } else if path == "/graphql" || is_below(path, "/problems") || is_below(path, "/docs") {
        Target::Queries
    } else {
        Target::Nobody
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_to_the_read_side_and_the_rest_to_the_write_side() {
        for (method, path, expected) in [
            (Method::GET, "/v1/orders/1", Target::Queries),
            (Method::HEAD, "/v1/products", Target::Queries),
            (Method::POST, "/v1/orders", Target::Commands),
            (Method::DELETE, "/v1/orders", Target::Commands),
            (Method::OPTIONS, "/v1/orders", Target::Commands),
            (Method::GET, "/problems/out-of-stock", Target::Queries),
            (Method::GET, "/docs/swagger-ui.css", Target::Queries),
            (Method::GET, "/graphql", Target::Queries),
            (Method::POST, "/graphql", Target::Queries),
            (Method::POST, "/graphql/", Target::Nobody),
            (Method::GET, "/v10/orders", Target::Nobody),
            (Method::GET, "/metrics", Target::Nobody),
        ] {
            assert_eq!(target(&method, path), expected, "{method} {path}");
        }
    }
}
