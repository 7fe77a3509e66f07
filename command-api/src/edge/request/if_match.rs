//! The `If-Match` header: the version that the aggregate must have.

use http::{HeaderMap, header};

/// What a request demands of the aggregate's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// No demand.
    Any,
    /// `*`: the aggregate must exist. Commands on an aggregate demand that anyway.
    Exists,
    /// `"n"`: exactly this version.
    Version(i64),
}

/// The header is not one that an answer of this system gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be * or one strong entity tag as in the ETag of an answer, such as \"3\" with its quotes"
)]
pub(crate) struct Malformed;

/// Reads the condition of a request.
pub(crate) fn read(headers: &HeaderMap) -> Result<Condition, Malformed> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(Condition::Any);
    };
    if values.next().is_some() {
        return Err(Malformed);
    }
    parse(value.to_str().map_err(|_| Malformed)?)
}

fn parse(text: &str) -> Result<Condition, Malformed> {
    let text = text.trim_matches([' ', '\t']);
    if text == "*" {
        return Ok(Condition::Exists);
    }
    let digits = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(Malformed)?;
    digits.parse().map(Condition::Version).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strong_tag_names_a_version_and_a_star_any() {
        assert_eq!(parse("\"17\""), Ok(Condition::Version(17)));
        assert_eq!(parse(" * "), Ok(Condition::Exists));
        assert_eq!(read(&HeaderMap::new()), Ok(Condition::Any));
    }

    #[test]
    fn anything_else_is_malformed() {
        let texts = [
            "17",
            "\"17",
            "\"\"",
            "\"x\"",
            "W/\"17\"",
            "\"1\", \"2\"",
            "\"-1\"",
            "\"+1\"",
            "",
            "\"99999999999999999999\"",
        ];
        for text in texts {
            assert_eq!(parse(text), Err(Malformed), "{text}");
        }
    }
}
