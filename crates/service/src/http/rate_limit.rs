//! How much of one thing may be under way at once, told to clients before they meet the bound:
//! `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).

use axum::response::Response;
use http::{HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A bound on what is under way at once in this process, for all its clients together.
#[derive(Debug, Clone)]
pub struct AtOnce {
    name: &'static str,
    /// Absent for a name that no header takes, which then is not told.
    policy: Option<HeaderValue>,
}

impl AtOnce {
    /// A bound of `quota` requests; the name consists of letters and hyphens.
    #[must_use]
    pub fn new(name: &'static str, quota: usize) -> Self {
        let policy = format!("\"{name}\";q={quota};qu=\"concurrent-requests\"");
        Self { name, policy: HeaderValue::try_from(policy).ok() }
    }

    /// Says the bound in an answer, and how many more requests there is room for.
    #[must_use]
    pub fn tell(&self, room: usize, mut response: Response) -> Response {
        let limit = HeaderValue::try_from(format!("\"{}\";r={room}", self.name));
        if let (Some(policy), Ok(limit)) = (&self.policy, limit) {
            let headers = response.headers_mut();
            headers.insert(POLICY, policy.clone());
            headers.insert(LIMIT, limit);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn a_bound_is_told_with_what_is_left_of_it() {
        let told = AtOnce::new("commands-in-flight", 20_000).tell(7, "done".into_response());
        let headers = told.headers();
        assert_eq!(
            headers["ratelimit-policy"],
            "\"commands-in-flight\";q=20000;qu=\"concurrent-requests\""
        );
        assert_eq!(headers["ratelimit"], "\"commands-in-flight\";r=7");
    }
}
