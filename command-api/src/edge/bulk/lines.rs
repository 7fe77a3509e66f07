//! The lines of a body that arrives in pieces, in bounded memory.

use axum::body::BodyDataStream;
use axum::body::Bytes;
use futures::StreamExt as _;
use service::http::BodySilence;
use tokio::time::{Instant, timeout_at};

/// Longest line in bytes, without its end; a command's record may not be longer either.
pub(super) const LINE_BYTES_MAX: usize = domain::bounds::COMMAND_BYTES_MAX;

/// A line of the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1; empty lines count.
    pub(super) number: u64,
    pub(super) content: Content,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Not empty, without its end.
    Whole(Vec<u8>),
    /// Longer than [`LINE_BYTES_MAX`]; its bytes were dropped.
    TooLong,
}

/// The body broke off, or was silent for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut;

/// Reads lines from a body. What it holds is one piece of the body and one line.
#[derive(Debug)]
pub(super) struct Lines {
    body: BodyDataStream,
    piece: Bytes,
    splitter: Splitter,
    silence: BodySilence,
    /// When a body that is being waited for has been silent for too long.
    silent_at: Option<Instant>,
}

impl Lines {
    pub(super) fn of(body: BodyDataStream, silence: BodySilence) -> Self {
        let (piece, splitter) = (Bytes::new(), Splitter::default());
        Self { body, piece, splitter, silence, silent_at: None }
    }

    /// Nobody waits for the body now: its silence begins anew with the next call of [`Lines::next`].
    pub(super) fn rest(&mut self) {
        self.silent_at = None;
    }

    /// The line that is being read, or the next one.
    pub(super) fn number(&self) -> u64 {
        self.splitter.finished + 1
    }

    /// The next line that is not empty; `None` at the end of the body. May be dropped and called
    /// again: everything lives in `self`.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Cut> {
        loop {
            if let Some(line) = self.splitter.take(&mut self.piece) {
                return Ok(Some(line));
            }
            let silent_at = *self.silent_at.get_or_insert_with(|| Instant::now() + self.silence.0);
            let next = timeout_at(silent_at, self.body.next()).await;
            self.silent_at = None;
            match next {
                Ok(Some(Ok(piece))) => self.piece = piece,
                Ok(Some(Err(_))) | Err(_) => return Err(Cut),
                Ok(None) => return Ok(self.splitter.end()),
            }
        }
    }
}

/// Cuts pieces into lines.
#[derive(Debug, Default)]
struct Splitter {
    /// The beginning of the current line.
    begun: Vec<u8>,
    is_too_long: bool,
    finished: u64,
}

impl Splitter {
    /// Consumes a piece up to the end of the first line in it that is not empty; `None` when the
    /// piece is used up.
    fn take(&mut self, piece: &mut Bytes) -> Option<Line> {
        while !piece.is_empty() {
            let end = piece.iter().position(|byte| *byte == b'\n');
            let part = piece.split_to(end.unwrap_or(piece.len()));
            self.add(&part);
            if end.is_some() {
                let _ = piece.split_to(1);
                let line = self.end();
                if line.is_some() {
                    return line;
                }
            }
        }
        None
    }

    fn add(&mut self, part: &[u8]) {
        if self.is_too_long || self.begun.len() + part.len() > LINE_BYTES_MAX {
            self.is_too_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(part);
        }
    }

    /// Ends the current line; `None` when it is empty.
    fn end(&mut self) -> Option<Line> {
        self.finished += 1;
        let content = std::mem::take(&mut self.begun);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        let number = self.finished;
        if is_too_long {
            return Some(Line { number, content: Content::TooLong });
        }
        let is_empty = content.trim_ascii().is_empty();
        (!is_empty).then_some(Line { number, content: Content::Whole(content) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use futures::stream;
    use tokio::time::timeout;

    use super::*;

    async fn lines_of(pieces: Vec<Vec<u8>>) -> Vec<(u64, String)> {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = Body::from_stream(stream::iter(pieces));
        let mut lines = Lines::of(body.into_data_stream(), BodySilence::default());
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.expect("a whole body") {
            let text = match line.content {
                Content::Whole(bytes) => String::from_utf8(bytes).expect("text"),
                Content::TooLong => "too long".to_owned(),
            };
            found.push((line.number, text));
        }
        found
    }

    #[tokio::test]
    async fn lines_are_the_same_wherever_the_body_is_cut_into_pieces() {
        let body = b"{\"a\":1}\n\n \r\n{\"b\":2}\r\n{\"c\":3}";
        let expected: Vec<(u64, String)> = [(1, "{\"a\":1}"), (4, "{\"b\":2}\r"), (5, "{\"c\":3}")]
            .map(|(number, text)| (number, text.to_owned()))
            .into();
        for size in 1..=body.len() {
            let pieces = body.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(lines_of(pieces).await, expected, "pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_dropped_and_the_next_one_is_read() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        let pieces = vec![long.clone(), b"y\n".to_vec(), long, b"\nz".to_vec()];
        let found = lines_of(pieces).await;
        assert_eq!(found[0], (1, "too long".to_owned()));
        assert_eq!((found[1].0, found[1].1.len()), (2, LINE_BYTES_MAX));
        assert_eq!(found[2], (3, "z".to_owned()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told_from_one_that_ends() {
        let pieces = [Ok(Bytes::from_static(b"a\nb")), Err(std::io::Error::other("cut"))];
        let body = Body::from_stream(stream::iter(pieces));
        let mut lines = Lines::of(body.into_data_stream(), BodySilence::default());
        assert_eq!(lines.next().await.map(|line| line.map(|line| line.number)), Ok(Some(1)));
        assert_eq!(lines.next().await, Err(Cut));
        assert_eq!(lines.number(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_silent_only_while_somebody_waits_for_it() {
        let (_writer, body) = futures::channel::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
        let silence = BodySilence(Duration::from_secs(10));
        let mut lines = Lines::of(Body::from_stream(body).into_data_stream(), silence);
        let wait = Duration::from_secs(7);
        assert!(timeout(wait, lines.next()).await.is_err(), "dropped, as by a select");
        lines.rest();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        assert!(timeout(wait, lines.next()).await.is_err(), "the time at rest does not count");
        assert_eq!(lines.next().await, Err(Cut));
        // The clock's steps are milliseconds.
        assert!((10_000..=10_001).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    }
}
