//! Bulk intake as a client: every command that is ready to be sent goes into the next batch.
//!
//! ```text
//! commands --> channel --take what is ready--> POST /v1/commands, a line each
//!    ^                                            |
//!    +------------- each as it comes -------------+-- the rest, when the answers end: sent again
//! ```
//!
//! A batch is a request with an end, not one open stream: it passes proxies that hold a body back
//! until it is whole, and it is small enough for those that bound it. Whoever waits for an answer sends
//! nothing else, so the number of those who send bounds the commands in flight.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::attempt::{Answered, Unanswered, broken, undecided};

/// Most lines of a batch: as many as the other side has in flight for one request, by default.
const LINES_MAX: usize = 256;
/// Most bytes of a batch that has more than one line: half of what deploy/nginx lets pass.
const BYTES_MAX: usize = 512 << 10;
/// Batches under way: while one waits for its last answer, the next ones go.
const BATCHES_MAX: usize = 4;

/// Takes lines and gives their answers; its task ends with this value.
#[derive(Debug)]
pub(super) struct Intake {
    slips: mpsc::Sender<Slip>,
}

/// A line with its end, and the one who waits for its answer.
#[derive(Debug)]
struct Slip {
    line: String,
    told: oneshot::Sender<Result<Answered, Unanswered>>,
}

/// An answered line, as far as it is read.
#[derive(Deserialize)]
struct Line {
    /// From 1.
    line: usize,
    status: u16,
    position: Option<String>,
    /// Seconds.
    retry_after: Option<u64>,
    answer: Option<Value>,
    problem: Option<Value>,
}

impl Intake {
    /// `http` must allow answers that come over a long time.
    pub(super) fn start(http: Client, url: Url) -> Self {
        let (slips, waiting) = mpsc::channel(LINES_MAX);
        tokio::spawn(run(http, url, waiting));
        Self { slips }
    }

    /// Sends one line, with the others that are ready, and waits for its answer.
    pub(super) async fn send(&self, line: &Value) -> Result<Answered, Unanswered> {
        let (told, answer) = oneshot::channel();
        let line = format!("{line}\n");
        // The task ends before this value only when it panics.
        let ended = || Unanswered::passing("the line was not sent");
        self.slips.send(Slip { line, told }).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

async fn run(http: Client, url: Url, mut waiting: mpsc::Receiver<Slip>) {
    let (mut ready, mut under_way) = (VecDeque::new(), FuturesUnordered::new());
    let mut taken = Vec::new();
    loop {
        while under_way.len() < BATCHES_MAX && !ready.is_empty() {
            under_way.push(Batch::next(&mut ready).send(&http, &url));
        }
        tokio::select! {
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            lines = waiting.recv_many(&mut taken, LINES_MAX), if under_way.len() < BATCHES_MAX => {
                if lines == 0 {
                    // Nobody waits for the batches under way any more.
                    return;
                }
                ready.extend(taken.drain(..));
            }
        }
    }
}

/// One request.
struct Batch {
    body: String,
    /// By line; `None` once it is answered.
    waiting: Vec<Option<oneshot::Sender<Result<Answered, Unanswered>>>>,
}

impl Batch {
    /// The first lines of `ready`, at least one if there is any.
    fn next(ready: &mut VecDeque<Slip>) -> Self {
        let mut batch = Self { body: String::new(), waiting: Vec::new() };
        while let Some(slip) = ready.pop_front_if(|slip| batch.has_room_for(&slip.line)) {
            batch.body.push_str(&slip.line);
            batch.waiting.push(Some(slip.told));
        }
        batch
    }

    fn has_room_for(&self, line: &str) -> bool {
        let bytes = self.body.len() + line.len();
        self.waiting.is_empty() || (self.waiting.len() < LINES_MAX && bytes <= BYTES_MAX)
    }

    async fn send(mut self, http: &Client, url: &Url) {
        let body = std::mem::take(&mut self.body);
        let request = http.post(url.clone()).header(CONTENT_TYPE, "application/x-ndjson");
        let rest = match request.body(body).send().await {
            Err(error) => broken(error),
            Ok(response) if response.status() == StatusCode::OK => self.read(response).await,
            Ok(response) => match Answered::of(response).await {
                Ok(answered) => undecided(answered),
                Err(unanswered) => unanswered,
            },
        };
        for told in self.waiting.into_iter().flatten() {
            // Whoever went away needs no answer, here as below.
            let _ = told.send(Err(rest.clone()));
        }
    }

    /// Passes the answers on as they come; gives what is to be said of the lines without one.
    async fn read(&mut self, response: Response) -> Unanswered {
        let mut pieces = pin!(response.bytes_stream());
        let mut begun = Vec::new();
        while let Some(line) = next_line(&mut pieces, &mut begun).await {
            let line = match line {
                Ok(line) => line,
                Err(error) => return broken(error),
            };
            let Ok(told) = serde_json::from_slice::<Line>(&line) else {
                return Unanswered::strange(StatusCode::OK, &line, "no answer of a Spillway");
            };
            // The last word of a stream that ends early may name a line behind the last one.
            let place = told.line.checked_sub(1).and_then(|place| self.waiting.get_mut(place));
            if let Some(waiting) = place.and_then(Option::take) {
                let _ = waiting.send(told.answered());
            }
        }
        Unanswered::passing("the answers ended before this one")
    }
}

impl Line {
    fn answered(self) -> Result<Answered, Unanswered> {
        let body = self.answer.or(self.problem).unwrap_or_default();
        let status = StatusCode::from_u16(self.status)
            .map_err(|_| Unanswered::passing(format!("status {}", self.status)))?;
        Ok(Answered {
            status,
            body: body.to_string().into_bytes(),
            position: self.position.and_then(|position| HeaderValue::try_from(position).ok()),
            retry_after: self.retry_after.map(Duration::from_secs),
        })
    }
}

/// The next line, without its end; `None` at the end of the answers. What follows the last line end
/// is half a line: the connection was cut there.
async fn next_line<P: AsRef<[u8]>>(
    pieces: &mut (impl Stream<Item = reqwest::Result<P>> + Unpin),
    begun: &mut Vec<u8>,
) -> Option<reqwest::Result<Vec<u8>>> {
    loop {
        if let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            let rest = begun.split_off(end + 1);
            let mut line = std::mem::replace(begun, rest);
            line.pop();
            return Some(Ok(line));
        }
        match pieces.next().await? {
            Ok(piece) => begun.extend_from_slice(piece.as_ref()),
            Err(error) => return Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches_of(lines: impl IntoIterator<Item = String>) -> Vec<(usize, usize)> {
        let slip = |line| Slip { line, told: oneshot::channel().0 };
        let mut ready: VecDeque<Slip> = lines.into_iter().map(slip).collect();
        let mut batches = Vec::new();
        while !ready.is_empty() {
            let batch = Batch::next(&mut ready);
            batches.push((batch.waiting.len(), batch.body.len()));
        }
        batches
    }

    #[test]
    fn a_batch_ends_at_its_lines_or_its_bytes() {
        assert_eq!(batches_of(vec!["{}\n".to_owned(); LINES_MAX + 1]), [(256, 768), (1, 3)]);
        let third = "x".repeat(BYTES_MAX / 3);
        let bytes = third.len();
        assert_eq!(batches_of(vec![third; 4]), [(3, 3 * bytes), (1, bytes)]);
        // What is too large for any batch is for the other side to refuse.
        let large = "x".repeat(BYTES_MAX + 1);
        assert_eq!(batches_of([large, "{}\n".to_owned()]), [(1, BYTES_MAX + 1), (1, 3)]);
    }

    #[tokio::test]
    async fn lines_are_told_from_pieces_of_any_size() {
        let text = b"{\"line\":1}\n{}\n{\"li";
        for size in 1..=text.len() {
            let mut pieces = futures::stream::iter(text.chunks(size).map(reqwest::Result::Ok));
            let (mut begun, mut lines) = (Vec::new(), Vec::new());
            while let Some(line) = next_line(&mut pieces, &mut begun).await {
                lines.push(String::from_utf8(line.unwrap()).unwrap());
            }
            assert_eq!(lines, ["{\"line\":1}", "{}"], "{size}");
        }
    }
}
