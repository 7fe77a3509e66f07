//! Kinds of problems: the stable part of an error, which clients may test for.

use std::borrow::Cow;

use http::{StatusCode, Uri};

use super::Retry;

/// What every problem of one kind has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Last segment of the type, such as `out-of-stock`; never changes once released.
    pub slug: Cow<'static, str>,
    /// The status it is answered with.
    pub status: StatusCode,
    /// A short phrase that is the same for every occurrence.
    pub title: Cow<'static, str>,
    /// What sending the request again may do, unless the problem says otherwise.
    pub retry: Retry,
}

impl Kind {
    /// A kind known at compile time; made a `const`, a slug outside `[a-z0-9-]` does not compile.
    ///
    /// # Panics
    /// When the slug has another character: it is part of the contract and ours to get right.
    #[must_use]
    pub const fn new(
        slug: &'static str,
        status: StatusCode,
        title: &'static str,
        retry: Retry,
    ) -> Self {
        assert!(is_slug(slug), "a slug consists of a-z, 0-9 and hyphens");
        Self { slug: Cow::Borrowed(slug), status, title: Cow::Borrowed(title), retry }
    }

    /// A refusal whose code came from the log: the same request will be refused again.
    #[must_use]
    pub fn named(slug: String, status: StatusCode, title: String) -> Self {
        Self { slug: slug.into(), status, title: title.into(), retry: Retry::Never }
    }

    /// The kind of an error that only has a status.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let known = kinds::ALL.iter().find(|kind| kind.status == status);
        let general = if status.is_server_error() { kinds::INTERNAL } else { kinds::BAD_REQUEST };
        known.cloned().unwrap_or(Self { status, ..general })
    }

    /// The `type` member: `/problems/<slug>`, or `about:blank` when the slug is not one.
    #[must_use]
    pub fn uri(&self) -> Uri {
        let known = is_slug(&self.slug).then(|| Uri::try_from(format!("/problems/{}", self.slug)));
        known.and_then(Result::ok).unwrap_or(Uri::from_static("about:blank"))
    }
}

const fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

/// The kinds every process has. A process adds its own beside its routes.
pub mod kinds {
    use super::{Kind, Retry, StatusCode};

    macro_rules! kinds {
        ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:ident, $title:literal, $retry:ident;)*) => {
            $($(#[$doc])* pub const $name: Kind =
                Kind::new($slug, StatusCode::$status, $title, Retry::$retry);)*

            /// All of them; of two with the same status the general one comes first.
            pub const ALL: &[Kind] = &[$($name),*];
        };
    }

    kinds! {
        /// The request is malformed or breaks a rule that needs no state; see `errors`.
        BAD_REQUEST = "invalid", BAD_REQUEST, "The request is not valid", Never;
        /// Nothing lives at this path.
        NOT_FOUND = "not-found", NOT_FOUND, "Not found", Never;
        /// The path exists, but not with this method; `Allow` lists those it has.
        METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed", Never;
        /// The body did not arrive in time.
        REQUEST_TIMEOUT = "request-timeout", REQUEST_TIMEOUT, "The request took too long to arrive", Safe;
        /// The body is larger than this process takes.
        TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "The request is too large", Never;
        /// The body is of a type this route does not take.
        UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", Never;
        /// The client or the whole service is over its limit; nothing was done.
        TOO_MANY_REQUESTS = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests", Safe;
        /// A fault of ours. What was done is unknown.
        INTERNAL = "internal", INTERNAL_SERVER_ERROR, "Internal error", Unsafe;
        /// Something this process needs does not answer.
        UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "Service unavailable", Safe;
        /// The answer did not come in time.
        TIMEOUT = "timeout", GATEWAY_TIMEOUT, "The answer took too long", Unsafe;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_kind_keeps_its_status() {
        let kind = Kind::of_status(StatusCode::EXPECTATION_FAILED);
        assert_eq!((kind.status, &*kind.slug), (StatusCode::EXPECTATION_FAILED, "invalid"));
        assert_eq!(Kind::of_status(StatusCode::NOT_FOUND), kinds::NOT_FOUND);
    }
}
