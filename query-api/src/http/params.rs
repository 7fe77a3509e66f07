//! Query parameters, read strictly: an unknown, repeated or unreadable one is a fault.
//!
//! A misspelt filter that was ignored would answer more than was asked for.

use std::num::IntErrorKind;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use http::Uri;

use super::{error::Error, fault::Fault};
use crate::read::page::{ROWS_DEFAULT, ROWS_MAX};

/// The parameters that no one has asked for yet, and the faults so far.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Params {
    pub(crate) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { pairs, faults: Vec::new() }
    }

    /// Takes the parameter as `read` understands it; what `read` answers instead is the sentence of
    /// the fault. Absent when it is not there or not readable.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut values = self.pairs.extract_if(.., |(n, _)| n == name).map(|(_, value)| value);
        let value = values.next()?;
        if values.count() > 0 {
            self.faults.push(Fault::query(name, "may stand only once"));
            return None;
        }
        read(&value).map_err(|detail| self.faults.push(Fault::query(name, detail))).ok()
    }

    /// Takes `limit`: rows of a page.
    pub(crate) fn limit(&mut self) -> u16 {
        self.take("limit", limit).unwrap_or(ROWS_DEFAULT)
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Answers all faults at once, parameters that nobody took among them.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.pairs.dedup_by(|a, b| a.0 == b.0);
        let unknown = self.pairs.iter().map(|(name, _)| Fault::query(name, "is not known here"));
        self.faults.extend(unknown);
        if self.faults.is_empty() { Ok(()) } else { Err(Error::Invalid(self.faults)) }
    }
}

/// Rows of a page: a number above the cap is lowered to it, since the next page is linked anyway.
fn limit(text: &str) -> Result<u16, String> {
    let refused =
        || format!("must be a whole number of at least 1; above {ROWS_MAX} counts as that");
    match text.parse::<u64>() {
        Ok(0) => Err(refused()),
        Ok(rows) => Ok(u16::try_from(rows).unwrap_or(ROWS_MAX).min(ROWS_MAX)),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Ok(ROWS_MAX),
        Err(_) => Err(refused()),
    }
}

/// The longest id that any command may carry.
const ID_CHARS_MAX: usize = 128;

/// Whether a text can be the id of anything: others need no look into PostgreSQL, which would not
/// even take some of them (a zero byte is no text there).
pub(crate) fn is_id(text: &str) -> bool {
    let chars = text.chars().count();
    (1..=ID_CHARS_MAX).contains(&chars) && !text.chars().any(char::is_control)
}

/// Reads an id given as a parameter.
pub(crate) fn id(text: &str) -> Result<String, String> {
    let refused = || format!("must be 1 to {ID_CHARS_MAX} printable characters");
    is_id(text).then(|| text.to_owned()).ok_or_else(refused)
}

/// The longest search.
const WORDS_CHARS_MAX: usize = 200;

/// Reads words to search for.
pub(crate) fn words(text: &str) -> Result<String, String> {
    let is_fit = (1..=WORDS_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && text.chars().any(char::is_alphanumeric);
    let refused = || format!("must be 1 to {WORDS_CHARS_MAX} printable characters with a word");
    is_fit.then(|| text.to_owned()).ok_or_else(refused)
}

/// Reads a yes or no.
pub(crate) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be `true` or `false`".to_owned())
}

/// Reads a time.
pub(crate) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    // Years that PostgreSQL takes too, with room.
    let is_fit = |time: &DateTime<Utc>| (1970..10_000).contains(&time.year());
    let read = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).filter(is_fit);
    read.ok_or_else(|| "must be a time such as 2026-11-27T09:00:00.000Z (RFC 3339)".to_owned())
}

/// Reads a day.
pub(crate) fn day(text: &str) -> Result<NaiveDate, String> {
    // Without padding a day would have several spellings.
    let is_fit = |day: &NaiveDate| (1970..10_000).contains(&day.year()) && text.len() == 10;
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(is_fit);
    read.ok_or_else(|| "must be a day such as 2026-11-27".to_owned())
}

/// Reads a currency.
pub(crate) fn currency(text: &str) -> Result<String, String> {
    let is_fit = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let refused = || "must be a currency code of three capital letters, such as EUR".to_owned();
    is_fit.then(|| text.to_owned()).ok_or_else(refused)
}

/// Reads the version of an order or a product.
pub(crate) fn version(text: &str) -> Result<i64, String> {
    let read = text.parse::<i64>().ok().filter(|version| *version >= 1);
    read.ok_or_else(|| "must be a whole number of at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(query: &str) -> Vec<String> {
        let mut params = Params::of(&format!("/x?{query}").parse().unwrap());
        params.limit();
        params.take("customer_id", id);
        match params.finish() {
            Ok(()) => vec![],
            Err(Error::Invalid(faults)) => faults.into_iter().map(|f| f.pointer).collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_faults_are_found_at_once() {
        assert_eq!(faults("limit=3&customer_id=c%201"), Vec::<String>::new());
        assert_eq!(
            faults("limit=x&customer_id=&a%2Fb=1&customer=2"),
            ["/query/limit", "/query/customer_id", "/query/a~1b", "/query/customer"]
        );
        assert_eq!(faults("limit=1&limit=2"), ["/query/limit"]);
        assert_eq!(faults("customer_id=a%00b"), ["/query/customer_id"]);
    }

    #[test]
    fn a_day_and_a_currency_have_one_spelling() {
        assert_eq!(day("2026-11-27"), Ok(NaiveDate::from_ymd_opt(2026, 11, 27).unwrap()));
        for bad in
            ["2026-11-7", "2026-11-31", "27.11.2026", "2026-11-27T00:00:00Z", "", "1969-12-31"]
        {
            assert!(day(bad).is_err(), "{bad}");
        }
        assert_eq!(currency("EUR"), Ok("EUR".to_owned()));
        for bad in ["eur", "EURO", "", "E\u{dc}R"] {
            assert!(currency(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_a_number_of_rows() {
        assert_eq!(limit("1"), Ok(1));
        assert_eq!(limit("200"), Ok(200));
        assert_eq!(limit("201"), Ok(200));
        assert_eq!(limit("99999999999999999999999"), Ok(200));
        for bad in ["0", "-1", "ten", "", "1.5", " 1"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
