//! The lines of a body that arrives in pieces, in bounded memory.

use axum::body::BodyDataStream;
use axum::body::Bytes;
use futures::StreamExt as _;

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
}

impl Lines {
    pub(super) fn of(body: BodyDataStream) -> Self {
        Self { body, piece: Bytes::new(), splitter: Splitter::default() }
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
            match self.body.next().await {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(_)) => return Err(Cut),
                None => return Ok(self.splitter.end()),
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
    use axum::body::Body;
    use futures::stream;

    use super::*;

    async fn lines_of(pieces: Vec<Vec<u8>>) -> Vec<(u64, String)> {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = Body::from_stream(stream::iter(pieces));
        let mut lines = Lines::of(body.into_data_stream());
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
        let mut lines = Lines::of(body.into_data_stream());
        assert_eq!(lines.next().await.map(|line| line.map(|line| line.number)), Ok(Some(1)));
        assert_eq!(lines.next().await, Err(Cut));
        assert_eq!(lines.number(), 2);
    }
}
