//! The bodies of the answers, as far as they are read.

use std::fmt;

use domain::order::Status;
use events::Money;
use reqwest::header::HeaderValue;
use serde::Deserialize;

/// A definitive answer.
#[derive(Debug)]
pub(in crate::import) struct Decided<T> {
    pub(in crate::import) verdict: Result<T, Refusal>,
    /// What a query must carry to see this decision.
    pub(in crate::import) position: Option<HeaderValue>,
}

/// An order as the write side answers.
#[derive(Debug, Deserialize)]
pub(in crate::import) struct Placed {
    pub(in crate::import) status: Status,
    /// Absent until all lines are reserved.
    pub(in crate::import) total: Option<Money>,
}

/// An order as the read side shows it.
#[derive(Debug, Deserialize)]
pub(in crate::import) struct Order {
    pub(in crate::import) status: Status,
    pub(in crate::import) currency: String,
    /// Absent until all lines are reserved.
    pub(in crate::import) total: Option<Money>,
    /// Rising by line number.
    pub(in crate::import) lines: Vec<Line>,
}

/// A line as the read side shows it.
#[derive(Debug, Deserialize)]
pub(in crate::import) struct Line {
    pub(in crate::import) sku: String,
    /// Pieces.
    pub(in crate::import) quantity: i64,
    /// Minor units of a piece; absent unless stock was held.
    pub(in crate::import) unit_price: Option<i64>,
    /// Why no stock was held.
    pub(in crate::import) refusal: Option<String>,
    /// Pieces that were available when stock was refused.
    pub(in crate::import) available: Option<i64>,
}

/// The problem that a refused command is answered with.
#[derive(Debug, Deserialize)]
pub(in crate::import) struct Refusal {
    #[serde(rename = "type")]
    problem: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    retry: String,
    /// The lines of an order that could not be reserved.
    #[serde(default)]
    lines: Vec<RefusedLine>,
}

/// A line for which no stock could be held; its text is a phrase for people.
#[derive(Debug, Deserialize)]
pub(in crate::import) struct RefusedLine {
    pub(in crate::import) sku: String,
    pub(in crate::import) reason: String,
    /// Pieces that were available, where stock was the reason.
    pub(in crate::import) available: Option<i64>,
}

impl Refusal {
    /// Last segment of the problem type.
    pub(in crate::import) fn code(&self) -> &str {
        self.problem.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the problem is one that Spillway documents.
    pub(super) fn is_ours(&self) -> bool {
        self.problem.starts_with("/problems/")
    }

    /// Whether the same request would be refused for ever.
    pub(super) fn stays(&self) -> bool {
        self.is_ours() && self.retry == "never"
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lines.as_slice() {
            [] => write!(f, "{}: {}", self.code(), self.detail),
            lines => f.write_str(&RefusedLine::phrase(lines)),
        }
    }
}

impl RefusedLine {
    /// All refused lines of an order in one phrase.
    pub(in crate::import) fn phrase(lines: &[RefusedLine]) -> String {
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for RefusedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sku, self.reason)?;
        match self.available {
            Some(pieces) => write!(f, " ({pieces} available)"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_lines_or_its_detail() {
        let read = |text| serde_json::from_str::<Refusal>(text).unwrap();
        let lines = read(
            r#"{"type":"/problems/out-of-stock","detail":"2 lines could not be reserved.","lines":[
                {"line":1,"sku":"21730","reason":"out-of-stock","available":3},
                {"line":4,"sku":"22752","reason":"unknown-sku"}]}"#,
        );
        assert_eq!(lines.code(), "out-of-stock");
        assert_eq!(lines.to_string(), "21730 out-of-stock (3 available), 22752 unknown-sku");
        let plain = read(r#"{"type":"/problems/expired","detail":"Too late."}"#);
        assert_eq!(plain.to_string(), "expired: Too late.");
    }
}
