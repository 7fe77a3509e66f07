//! Bulk intake: a stream of commands in, a stream of answers out, in bounded memory.
//!
//! ```text
//! body --lines--> read --admitted--> append --> in flight --> answered line
//!   ^                        |
//!   +-- not read meanwhile --+-- not admitted: held, and tried again
//! ```
//!
//! Lines are appended one after the other in their order, so that lines on one aggregate are decided
//! in it; they do not wait for each other's outcomes, and are answered as these come. The stream is
//! driven by its reader: who does not read answers is not read from. Where a single request would be
//! answered 429, a line is held and nothing behind it is read: a bulk load takes what is left.

mod lines;
mod told;
mod wish;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt as _, StreamExt as _};
use service::http::BodySilence;
use service::problem::{Problem, kinds};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::Edge;
use super::answer::{self, Subject, answer};
use super::request::Patience;
use super::submit::{Ending, Submission};
use lines::{Content, Line, Lines};
pub(crate) use told::LineAnswer;
pub(crate) use wish::Form;

/// Bytes of the lines that one stream has in flight.
const BYTES_IN_FLIGHT_MAX: usize = 1 << 20;
/// Answers that are ready together leave in one piece of about this size.
const PIECE_BYTES: usize = 16 * 1_024;
/// Pause before a line that was not admitted is tried again.
const HOLD: Duration = Duration::from_millis(50);

/// What all lines of one request have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) patience: Patience,
    pub(crate) traceparent: Option<String>,
    /// What a line of this request says.
    pub(crate) form: Form,
    /// Longest silence of a body that is being read.
    pub(crate) silence: BodySilence,
    /// Gives the stream's place back at its end.
    pub(crate) _place: OwnedSemaphorePermit,
}

/// The answers to the lines of a body, as they come.
pub(crate) fn answers(edge: Arc<Edge>, body: BodyDataStream, common: Common) -> Body {
    let intake = Intake {
        edge,
        lines: Lines::of(body, common.silence),
        common,
        held: None,
        in_flight: FuturesUnordered::new(),
        bytes_in_flight: 0,
        state: State::Reading,
    };
    Body::from_stream(stream::unfold(intake, async |mut intake: Intake| {
        Some((Ok::<_, Infallible>(intake.next().await?), intake))
    }))
}

/// A line that was answered.
struct Answered {
    text: Bytes,
    /// Length of the line itself.
    bytes: usize,
}

/// A command that waits for its admission.
struct Held {
    submission: Submission,
    about: About,
    again_at: Instant,
    give_up_at: Instant,
}

/// Where a command came from.
struct About {
    line: u64,
    bytes: usize,
    key: Option<String>,
    subject: Subject,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// Nothing more is read; this is still to be said.
    Ending(Option<Why>),
}

/// Why a stream ends before its body does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Cut { line: u64 },
    Stopping { line: u64 },
}

struct Intake {
    edge: Arc<Edge>,
    lines: Lines,
    common: Common,
    held: Option<Held>,
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
    bytes_in_flight: usize,
    state: State,
}

impl Intake {
    /// The next piece of answers; `None` when every line is answered.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let is_reading = self.state == State::Reading && self.held.is_none() && self.has_room();
            if !is_reading {
                self.lines.rest();
            }
            let again_at = self.held.as_ref().map_or_else(Instant::now, |held| held.again_at);
            let stopping = self.edge.stopping.clone();
            tokio::select! {
                biased;
                Some(answered) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    // It may be long until somebody asks for the next one; a client that takes none
                    // is cut by its connection's write timeout.
                    self.lines.rest();
                    return Some(self.piece(answered));
                }
                () = stopping.cancelled(), if self.state == State::Reading => self.stop(),
                () = sleep_until(again_at), if self.held.is_some() => self.try_again(),
                line = self.lines.next(), if is_reading => match line {
                    Ok(Some(line)) => self.take(line),
                    Ok(None) => self.state = State::Ending(None),
                    Err(lines::Cut) => {
                        let line = self.lines.number();
                        self.state = State::Ending(Some(Why::Cut { line }));
                    }
                },
                else => return self.last_word().await,
            }
        }
    }

    fn has_room(&self) -> bool {
        let bytes_max = BYTES_IN_FLIGHT_MAX - lines::LINE_BYTES_MAX;
        self.in_flight.len() < self.edge.settings.bulk_in_flight_max
            && self.bytes_in_flight <= bytes_max
    }

    /// An answer, and those that are ready behind it.
    fn piece(&mut self, first: Answered) -> Bytes {
        self.bytes_in_flight -= first.bytes;
        let mut piece = Vec::from(first.text);
        while piece.len() < PIECE_BYTES
            && let Some(Some(next)) = self.in_flight.next().now_or_never()
        {
            self.bytes_in_flight -= next.bytes;
            piece.extend_from_slice(&next.text);
        }
        piece.into()
    }

    fn take(&mut self, line: Line) {
        let Line { number, content } = line;
        let bytes = match content {
            Content::Whole(bytes) => bytes,
            Content::TooLong => {
                return self.tell(number, 0, None, answer::too_large().into_response());
            }
        };
        let (key, read) = wish::read(&bytes, self.common.form, self.common.patience);
        let traceparent = self.common.traceparent.clone();
        let prepared =
            read.and_then(|wish| self.edge.prepare(&wish.command, wish.terms, traceparent));
        match prepared {
            Err(problem) => self.tell(number, bytes.len(), key, problem.into_response()),
            Ok((subject, submission)) => {
                let about = About { line: number, bytes: bytes.len(), key, subject };
                let give_up_at = Instant::now() + self.edge.settings.reply_timeout;
                self.begin(submission, about, give_up_at);
            }
        }
    }

    /// Appends a command and waits for its reply beside the others, or holds it.
    fn begin(&mut self, submission: Submission, about: About, give_up_at: Instant) {
        let patience = self.common.patience;
        match self.edge.begin(submission) {
            Ok(begun) => {
                let edge = Arc::clone(&self.edge);
                self.push(about.bytes, async move {
                    let ending = edge.finish(begun, patience.reply).await;
                    let response = answer(&about.subject, ending, patience);
                    told::line(about.line, about.key.as_deref(), response).await
                });
            }
            Err(refused) if refused.reason.may_pass() && Instant::now() < give_up_at => {
                let again_at = Instant::now() + HOLD;
                let submission = refused.submission;
                self.held = Some(Held { submission, about, again_at, give_up_at });
            }
            Err(refused) => {
                let ending = Ending::NotAppended(refused.reason);
                let response = answer(&about.subject, ending, patience);
                self.tell(about.line, about.bytes, about.key, response);
            }
        }
    }

    fn try_again(&mut self) {
        if let Some(held) = self.held.take() {
            self.begin(held.submission, held.about, held.give_up_at);
        }
    }

    /// Takes no further line; those in flight are still answered.
    fn stop(&mut self) {
        let line = self.held.take().map_or_else(|| self.lines.number(), |held| held.about.line);
        self.state = State::Ending(Some(Why::Stopping { line }));
    }

    fn tell(&mut self, line: u64, bytes: usize, key: Option<String>, response: Response) {
        self.push(bytes, async move { told::line(line, key.as_deref(), response).await });
    }

    fn push(&mut self, bytes: usize, text: impl Future<Output = Bytes> + Send + 'static) {
        self.bytes_in_flight += bytes;
        self.in_flight.push(text.map(move |text| Answered { text, bytes }).boxed());
    }

    /// Says, when all lines are answered, from which one on nothing was taken.
    async fn last_word(&mut self) -> Option<Bytes> {
        let State::Ending(why) = &mut self.state else { return None };
        let (line, problem) = why.take()?.problem();
        Some(told::line(line, None, problem.into_response()).await)
    }
}

impl Why {
    fn problem(self) -> (u64, Problem) {
        let rest = "Nothing from this line on was taken; send the rest again.";
        match self {
            Why::Cut { line } => {
                let detail = format!("The body broke off or was silent for too long. {rest}");
                (line, Problem::new(kinds::REQUEST_TIMEOUT).detail(detail))
            }
            Why::Stopping { line } => {
                let detail = format!("This instance is stopping. {rest}");
                (line, Problem::new(kinds::UNAVAILABLE).detail(detail))
            }
        }
    }
}
