//! The `Prefer` header (RFC 7240): how long a client wants to wait for its answer.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

/// Names of the two headers, in lower case.
const PREFER: &str = "prefer";
pub(crate) const PREFERENCE_APPLIED: &str = "preference-applied";

/// How long a request waits for its reply, and what of its wishes that honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Longest wait for the reply; zero: only for the acknowledgement of the append.
    pub reply: Duration,
    respond_async: bool,
    wait_s: Option<u64>,
}

impl Patience {
    /// Reads the wishes of a request. What is unknown or malformed is ignored, as the RFC asks.
    ///
    /// Without a wish the wait is `default`; `wait=N` is honoured up to `wait_max`.
    pub(crate) fn read(headers: &HeaderMap, default: Duration, wait_max: Duration) -> Self {
        let mut respond_async = false;
        let mut wait_s = None;
        for value in headers.get_all(PREFER) {
            for preference in value.to_str().unwrap_or_default().split(',') {
                match parse(preference) {
                    Some(Preference::RespondAsync) => respond_async = true,
                    // The first of several equal preferences counts (RFC 7240, 2).
                    Some(Preference::Wait(seconds)) => {
                        wait_s = wait_s.or(Some(seconds.min(wait_max.as_secs())));
                    }
                    None => {}
                }
            }
        }
        let reply = match (wait_s, respond_async) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, true) => Duration::ZERO,
            (None, false) => default,
        };
        Self { reply, respond_async, wait_s }
    }

    /// The `Preference-Applied` header of the answer; `None` when nothing was wished for.
    pub(crate) fn applied(self) -> Option<HeaderValue> {
        match (self.respond_async, self.wait_s) {
            (true, None) => Some(HeaderValue::from_static("respond-async")),
            (false, Some(seconds)) => HeaderValue::try_from(format!("wait={seconds}")).ok(),
            (true, Some(seconds)) => {
                HeaderValue::try_from(format!("respond-async, wait={seconds}")).ok()
            }
            (false, None) => None,
        }
    }
}

enum Preference {
    RespondAsync,
    Wait(u64),
}

fn parse(preference: &str) -> Option<Preference> {
    // Parameters after a semicolon belong to no preference that is known here.
    let (preference, _) = preference.split_once(';').unwrap_or((preference, ""));
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    let value = value.trim().trim_matches('"');
    match name.trim().to_ascii_lowercase().as_str() {
        "respond-async" => Some(Preference::RespondAsync),
        "wait" => value.parse().ok().map(Preference::Wait),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Duration = Duration::from_millis(5_000);
    const MAX: Duration = Duration::from_secs(30);

    fn patience(values: &[&'static str]) -> (Duration, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        let patience = Patience::read(&headers, DEFAULT, MAX);
        let applied = patience.applied();
        let applied = applied.map(|value| value.to_str().expect("text").to_owned());
        (patience.reply, applied)
    }

    fn applied(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn without_a_wish_the_default_counts_and_nothing_was_applied() {
        assert_eq!(patience(&[]), (DEFAULT, None));
        assert_eq!(patience(&["handling=lenient", "wait", "wait=x"]), (DEFAULT, None));
    }

    #[test]
    fn respond_async_waits_for_nothing_but_the_append() {
        let (reply, said) = patience(&["Respond-Async"]);
        assert_eq!((reply, said), (Duration::ZERO, applied("respond-async")));
    }

    #[test]
    fn a_wait_is_honoured_up_to_the_cap_and_the_answer_says_what_counted() {
        assert_eq!(patience(&["wait=2"]), (Duration::from_secs(2), applied("wait=2")));
        assert_eq!(patience(&["wait=999"]), (MAX, applied("wait=30")));
        let both = patience(&["respond-async;x=1, wait=\"7\"", "wait=9"]);
        assert_eq!(both, (Duration::from_secs(7), applied("respond-async, wait=7")));
    }
}
