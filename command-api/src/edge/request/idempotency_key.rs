//! The `Idempotency-Key` header: quoted as a structured-field string, or bare.
//!
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>: both forms name
//! the same key, so that a client may change its HTTP library between two attempts.

use http::HeaderMap;

/// Name of the header, in lower case.
pub(crate) const NAME: &str = "idempotency-key";

/// Longest key in characters, without its quotes.
const CHARACTERS_MAX: usize = 128;

/// Why there is no usable key in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("is required: it makes a repeat of this request harmless")]
    Missing,
    #[error("must stand in the request once")]
    Repeated,
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {CHARACTERS_MAX} characters")]
    TooLong,
    #[error("must consist of printable ASCII characters")]
    NotPrintable,
    #[error("opens with a quote but is no quoted string; only \\\" and \\\\ may be escaped")]
    NotQuoted,
}

/// Reads the key of a request.
pub(crate) fn read(headers: &HeaderMap) -> Result<String, Unusable> {
    let mut values = headers.get_all(NAME).iter();
    let value = values.next().ok_or(Unusable::Missing)?;
    if values.next().is_some() {
        return Err(Unusable::Repeated);
    }
    let text = value.to_str().map_err(|_| Unusable::NotPrintable)?;
    parse(text)
}

fn parse(text: &str) -> Result<String, Unusable> {
    let text = text.trim_matches([' ', '\t']);
    let key = match text.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None => text.to_owned(),
    };
    usable(&key)?;
    Ok(key)
}

/// Whether a key, without its quotes, may be used.
pub(crate) fn usable(key: &str) -> Result<(), Unusable> {
    if key.is_empty() {
        return Err(Unusable::Empty);
    }
    if !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Unusable::NotPrintable);
    }
    if key.len() > CHARACTERS_MAX {
        return Err(Unusable::TooLong);
    }
    Ok(())
}

/// The content of a structured-field string (RFC 9651, 3.3.3) whose opening quote was taken off.
fn unquote(rest: &str) -> Result<String, Unusable> {
    let mut key = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(key),
            '"' => return Err(Unusable::NotQuoted),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(Unusable::NotQuoted),
            },
            plain => key.push(plain),
        }
    }
    Err(Unusable::NotQuoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_and_a_bare_key_are_the_same_key() {
        assert_eq!(parse("\"order 17\""), Ok("order 17".to_owned()));
        assert_eq!(parse(" order 17 "), Ok("order 17".to_owned()));
        assert_eq!(parse(r#""a\"b\\c""#), Ok(r#"a"b\c"#.to_owned()));
    }

    #[test]
    fn a_key_has_one_to_128_printable_characters() {
        assert_eq!(parse(""), Err(Unusable::Empty));
        assert_eq!(parse("\"\""), Err(Unusable::Empty));
        assert_eq!(parse("a\tb"), Err(Unusable::NotPrintable));
        let longest = "k".repeat(128);
        assert_eq!(parse(&longest), Ok(longest.clone()));
        assert_eq!(parse(&format!("\"{longest}\"")), Ok(longest));
        assert_eq!(parse(&"k".repeat(129)), Err(Unusable::TooLong));
    }

    #[test]
    fn a_broken_quoted_string_is_refused_rather_than_guessed_at() {
        for text in ["\"open", "\"a\"b", "\"a\";p=1", "\"a\\", "\"a\\n\"", "\""] {
            assert_eq!(parse(text), Err(Unusable::NotQuoted), "{text}");
        }
    }

    #[test]
    fn the_header_must_stand_in_the_request_exactly_once() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers), Err(Unusable::Missing));
        headers.append(NAME, "k".parse().expect("a value"));
        assert_eq!(read(&headers), Ok("k".to_owned()));
        headers.append(NAME, "k".parse().expect("a value"));
        assert_eq!(read(&headers), Err(Unusable::Repeated));
        let mut headers = HeaderMap::new();
        let bytes = http::HeaderValue::from_bytes(b"k\xff").expect("a value");
        headers.append(NAME, bytes);
        assert_eq!(read(&headers), Err(Unusable::NotPrintable));
    }
}
