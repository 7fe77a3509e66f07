//! The last lines of a log, to be quoted when its process has died.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

const LINES: usize = 20;
const BYTES: u64 = 32 * 1024;

/// The last twenty lines; empty when the log cannot be read, which must not hide the death itself.
pub(super) fn of(log: &Path) -> String {
    let text = end_of(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn end_of(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let start = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_given_and_a_missing_log_is_empty() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = (1..=50).map(|n| format!("line {n}")).collect();
        std::fs::write(log.path(), lines.join("\n")).unwrap();
        assert_eq!(of(log.path()), lines[30..].join("\n"));
        assert_eq!(of(Path::new("/nonexistent")), "");
    }
}
