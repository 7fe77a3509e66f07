//! Ends a connection on which a request's body was left unread.
//!
//! The rest of such a body may still be on its way, so the connection is closed behind the answer.
//! The answer says so: a client that learnt it only from the closing would lose the next request
//! that it had sent on the same connection, and could not know whether it was carried out.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

/// Adds `Connection: close` to an answer that was given without the whole body.
pub(super) async fn close_behind(mut response: Response) -> Response {
    let is_half_read = matches!(
        response.status(),
        StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    if is_half_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[tokio::test]
    async fn only_an_answer_to_half_a_body_announces_the_end() {
        for (status, announced) in
            [(413, true), (408, true), (415, true), (400, false), (201, false)]
        {
            let response = StatusCode::from_u16(status).unwrap().into_response();
            let headers = close_behind(response).await.headers().clone();
            assert_eq!(headers.contains_key(header::CONNECTION), announced, "{status}");
        }
    }
}
