//! Reads a process's log: whether a text has come, and the last lines for an error.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// How many lines an error quotes.
const TAIL_LINES: usize = 20;
/// More than twenty lines of any part's log.
const TAIL_BYTES: u64 = 32 * 1024;

/// The last lines written from byte `start` on; empty when there are none.
pub(super) fn tail(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let from = file.metadata()?.len().saturating_sub(TAIL_BYTES).max(start);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // A log that cannot be read must not hide the error it would explain.
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Looks for a text in what a log gains, each byte read once.
pub(super) struct Search<'a> {
    log: &'a Path,
    text: &'a str,
    next: u64,
    seen: Vec<u8>,
}

impl<'a> Search<'a> {
    pub(super) fn new(log: &'a Path, start: u64, text: &'a str) -> Self {
        Self { log, text, next: start, seen: Vec::new() }
    }

    /// Whether the text has come by now.
    pub(super) fn found(&mut self) -> bool {
        let Ok(read) = self.read_on() else { return false };
        self.next += read;
        let text = self.text.as_bytes();
        if text.is_empty() || self.seen.windows(text.len()).any(|window| window == text) {
            return true;
        }
        // Only the beginning of a text that is cut in two is worth keeping.
        self.seen.drain(..self.seen.len().saturating_sub(text.len()));
        false
    }

    fn read_on(&mut self) -> std::io::Result<u64> {
        let mut file = File::open(self.log)?;
        file.seek(SeekFrom::Start(self.next))?;
        file.read_to_end(&mut self.seen).map(|read| read as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    #[test]
    fn a_text_cut_in_two_is_found_and_an_earlier_one_is_not() {
        let log = tempfile::NamedTempFile::new().unwrap();
        fs::write(log.path(), "ready\n").unwrap();
        let mut search = Search::new(log.path(), 6, "ready");
        assert!(!search.found());
        let mut file = File::options().append(true).open(log.path()).unwrap();
        file.write_all(b"not rea").unwrap();
        assert!(!search.found());
        file.write_all(b"dy yet").unwrap();
        assert!(search.found());
    }

    #[test]
    fn a_tail_is_the_last_lines_since_the_start() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
        fs::write(log.path(), lines.join("\n")).unwrap();
        assert_eq!(tail(log.path(), 0).lines().next(), Some("line 10"));
        assert_eq!(tail(log.path(), 7 * 10 + 8 * 18), "line 28\nline 29");
        assert_eq!(tail(Path::new("/nonexistent"), 0), "");
    }
}
