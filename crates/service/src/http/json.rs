//! JSON request bodies whose errors are problems with a pointer to the place.

use std::error::Error;
use std::io;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::by_name::ByName;
use crate::problem::{Problem, kinds};

/// A JSON object as `T`, and objects alone as the structs within it: 415 for another content type, 413
/// when it is too large, 400 with a JSON pointer when it does not fit `T`. Rules beyond the shape are
/// the handler's to check.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// Reads a whole document.
    ///
    /// # Errors
    /// It is no JSON or does not fit `T`: a 400 with a pointer to the place.
    pub fn parse(bytes: &[u8]) -> Result<T, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(ByName(&mut reader))
            .map_err(|error| misfit(&pointer(error.path()), error.inner()))?;
        reader.end().map_err(|error| misfit("", &error))?;
        Ok(value)
    }

    /// Reads a value that was taken from a document.
    ///
    /// # Errors
    /// It does not fit `T`: a 400 with a pointer to the place within the value.
    pub fn of_value(value: Value) -> Result<T, Problem> {
        serde_path_to_error::deserialize(ByName(value))
            .map_err(|error| misfit(&pointer(error.path()), error.inner()))
    }
}

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(kinds::UNSUPPORTED_MEDIA_TYPE)
                .detail("Send the body as application/json."));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        Self::parse(&bytes).map(Self)
    }
}

fn misfit(pointer: &str, error: &dyn ToString) -> Problem {
    Problem::new(kinds::BAD_REQUEST)
        .detail("The body does not have the expected shape.")
        .error(pointer, error.to_string())
}

/// A body that could not be read to its end.
fn unread(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(kinds::TOO_LARGE);
    }
    if is_garbled(rejection) {
        return Problem::new(kinds::BAD_REQUEST)
            .detail("The body is not what its Content-Encoding says.");
    }
    Problem::new(kinds::REQUEST_TIMEOUT).detail("The body did not arrive whole and in time.")
}

/// Whether a body arrived and could not be unpacked: that is an I/O error with no connection behind
/// it.
fn is_garbled(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(this) = cause {
        if this.is::<hyper::Error>() {
            return false;
        }
        if this.is::<io::Error>() {
            return true;
        }
        cause = this.source();
    }
    false
}

/// JSON pointer (RFC 6901) of the place where reading failed.
fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => return pointer,
        };
        pointer.push('/');
        pointer.push_str(&token);
        pointer
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|text| text.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its shape matters here")]
        lines: Vec<Line>,
        #[expect(dead_code, reason = "only its shape matters here")]
        note: Option<Line>,
        #[expect(dead_code, reason = "only its shape matters here")]
        other: Option<Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[expect(dead_code, reason = "only its shape matters here")]
        quantity: u32,
    }

    async fn pointer_of(text: &str) -> String {
        let response = Json::<Order>::parse(text.as_bytes()).unwrap_err().into_response();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        body["errors"][0]["pointer"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_misfit_is_named_by_its_pointer() {
        assert_eq!(
            pointer_of(r#"{"lines": [{"quantity": 1}, {"quantity": -1}]}"#).await,
            "/lines/1/quantity"
        );
        assert_eq!(pointer_of(r#"{"lines": [{"a/b~c": 1}]}"#).await, "/lines/0/a~1b~0c");
        assert_eq!(pointer_of(r#"{"lines": []} trailing"#).await, "");
        assert!(Json::<Order>::parse(br#"{"lines": []}"#).is_ok());
    }

    #[tokio::test]
    async fn an_object_is_read_by_the_names_of_its_members_alone() {
        let cases = [
            (" [[]]", ""),
            (r#"{"lines": [[1]]}"#, "/lines/0"),
            (r#"{"lines": [{"quantity": 1}, [2]]}"#, "/lines/1"),
            (r#"{"lines": [], "note": [1]}"#, "/note"),
        ];
        for (text, pointer) in cases {
            assert_eq!(pointer_of(text).await, pointer, "{text}");
            let value = serde_json::from_str(text).unwrap();
            assert!(Json::<Order>::of_value(value).is_err(), "{text}");
        }
        let text = br#"{"lines": [], "note": null, "other": [[1], {"a": [2.5, "b", null, true]}]}"#;
        assert!(Json::<Order>::parse(text).is_ok());
        assert!(Json::<Order>::of_value(serde_json::from_slice(text).unwrap()).is_ok());
    }
}
