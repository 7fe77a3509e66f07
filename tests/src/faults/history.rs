//! The history: every request, every answer, and what queries showed in between.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::wish::Wish;
use crate::{Answer, answer::problem_code};

/// Everything that happened between one client and the system, in its order.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) asks: Vec<Ask>,
    pub(crate) seen: Vec<Seen>,
    /// What queries said of commands whose answer was not waited for.
    pub(crate) looked_up: Vec<(Uuid, Value)>,
}

/// One command under one key, sent any number of times.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) wish: Wish,
    pub(crate) key: String,
    /// The version that its aggregate must have.
    pub(crate) if_match: Option<i64>,
    pub(crate) command_id: Uuid,
    pub(crate) attempts: Vec<Attempt>,
}

/// One copy of a command.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Index of the command-api that it was sent to.
    pub(crate) instance: usize,
    pub(crate) way: Way,
    /// When it was sent and when the answer was there, since the trial began.
    pub(crate) span: (Duration, Duration),
    pub(crate) heard: Heard,
}

/// How a copy is sent. The command is the same, and so must be its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the command's own route.
    Route,
    /// The same, without waiting for the decision.
    Async,
    /// As a line of bulk intake.
    Bulk,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Heard {
    Told(Told),
    /// No answer, and why.
    Nothing(String),
}

/// An answer, as far as it is a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// Code of the problem; empty where the answer is none.
    pub(crate) code: String,
    /// Version of the aggregate after the command, as in the ETag.
    pub(crate) version: Option<i64>,
    pub(crate) order_status: Option<String>,
    /// Minor units that a reserved order costs.
    pub(crate) total: Option<i64>,
    pub(crate) position: Option<String>,
}

/// A read that carried the position of an answer.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) order: String,
    /// Version that the answer told.
    pub(crate) version_told: i64,
    pub(crate) version_shown: i64,
}

impl Told {
    pub(crate) fn of(answer: &Answer) -> Self {
        let (etag, position) = (answer.header("etag"), answer.header("spillway-position"));
        Self::new(answer.status, &answer.body, etag, position)
    }

    /// Of an answered line of bulk intake; `None` where it has no status.
    pub(crate) fn of_line(line: &Value) -> Option<Self> {
        let status = u16::try_from(line["status"].as_u64()?).ok()?;
        let body = line.get("answer").or(line.get("problem"))?;
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        Some(Self::new(status, body, text("etag"), text("position")))
    }

    fn new(status: u16, body: &Value, etag: &str, position: &str) -> Self {
        let order_status = body["status"].as_str().or(body["order_status"].as_str());
        Self {
            status,
            code: problem_code(body).to_owned(),
            version: etag.trim_matches('"').parse().ok(),
            order_status: order_status.map(str::to_owned),
            total: body["total"]["amount"].as_i64(),
            position: (!position.is_empty()).then(|| position.to_owned()),
        }
    }

    /// True for an answer that says what became of the command, not merely that it is unknown yet
    /// or was not taken.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self.status, 202 | 429 | 502 | 503)
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.status, 200 | 201)
    }
}

impl Ask {
    pub(crate) fn new(wish: Wish, key: String, if_match: Option<i64>) -> Self {
        let command_id = wish.command_id(&key);
        Self { wish, key, if_match, command_id, attempts: Vec::new() }
    }

    /// The final answers, in the order in which they were heard.
    pub(crate) fn finals(&self) -> impl Iterator<Item = &Told> {
        self.attempts.iter().filter_map(|attempt| match &attempt.heard {
            Heard::Told(told) if told.is_final() => Some(told),
            _ => None,
        })
    }
}

impl History {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.asks.append(&mut other.asks);
        self.seen.append(&mut other.seen);
        self.looked_up.append(&mut other.looked_up);
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} under {:?} (command {})", self.wish, self.key, self.command_id)?;
        if let Some(version) = self.if_match {
            write!(f, " if at version {version}")?;
        }
        for Attempt { instance, way, span: (sent, heard), heard: what } in &self.attempts {
            write!(f, "\n    command-api-{} {way:?} {sent:.3?} to {heard:.3?}: ", instance + 1)?;
            match what {
                Heard::Told(told) => write!(f, "{told:?}")?,
                Heard::Nothing(why) => write!(f, "nothing: {why}")?,
            }
        }
        Ok(())
    }
}
