//! The history: every request, every answer, and what queries showed in between.

use std::time::Duration;

use uuid::Uuid;

use super::wish::Wish;
use crate::Answer;

/// Everything that happened between one client and the system, in its order.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) asks: Vec<Ask>,
    pub(crate) seen: Vec<Seen>,
}

/// One command under one key, sent any number of times.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) wish: Wish,
    pub(crate) key: String,
    pub(crate) command_id: Uuid,
    pub(crate) attempts: Vec<Attempt>,
}

/// One copy of a command.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Index of the command-api that it was sent to.
    pub(crate) instance: usize,
    /// When it was sent and when the answer was there, since the trial began.
    pub(crate) span: (Duration, Duration),
    pub(crate) heard: Heard,
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
        let etag = answer.header("etag").trim_matches('"');
        let status = answer.body["status"].as_str().or(answer.body["order_status"].as_str());
        let position = answer.header("spillway-position");
        Self {
            status: answer.status,
            code: answer.code().to_owned(),
            version: etag.parse().ok(),
            order_status: status.map(str::to_owned),
            total: answer.body["total"]["amount"].as_i64(),
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
    pub(crate) fn new(wish: Wish, key: String) -> Self {
        let command_id = wish.command_id(&key);
        Self { wish, key, command_id, attempts: Vec::new() }
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
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} under {:?} (command {})", self.wish, self.key, self.command_id)?;
        for Attempt { instance, span: (sent, heard), heard: what } in &self.attempts {
            write!(f, "\n    command-api-{} {sent:.3?} to {heard:.3?}: ", instance + 1)?;
            match what {
                Heard::Told(told) => write!(f, "{told:?}")?,
                Heard::Nothing(why) => write!(f, "nothing: {why}")?,
            }
        }
        Ok(())
    }
}
