//! One page of a list, and the link to the next one (RFC 8288).

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header::LINK};
use serde::Serialize;
use url::form_urlencoded::Serializer;
use utoipa::ToSchema;

use super::{
    answer::{self, Keep},
    error::Error,
};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageBody<T> {
    pub(super) items: Vec<T>,
    /// Opaque; sent as `cursor` it gives the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

/// Answers a page. `query` is what the next page keeps of this request's parameters.
pub(super) fn answer<T: Serialize>(
    request: &HeaderMap,
    keep: Keep,
    path: &str,
    query: &[(&str, Option<String>)],
    body: &PageBody<T>,
) -> Result<Response, Error> {
    let mut response = answer::hashed(request, keep, body)?;
    let link = body.next_cursor.as_deref().map(|cursor| next(path, query, cursor));
    // A percent-encoded reference is plain ASCII, which every header takes.
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

fn next(path: &str, query: &[(&str, Option<String>)], cursor: &str) -> String {
    let mut encoded = Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            encoded.append_pair(name, value);
        }
    }
    encoded.append_pair("cursor", cursor);
    format!("<{path}?{}>; rel=\"next\"", encoded.finish())
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn the_link_keeps_the_filters() {
        let query = [("customer_id", Some("c>1 ä".to_owned())), ("status", None)];
        assert_eq!(
            next("/v1/orders", &query, "abc"),
            "</v1/orders?customer_id=c%3E1+%C3%A4&cursor=abc>; rel=\"next\""
        );
    }
}
