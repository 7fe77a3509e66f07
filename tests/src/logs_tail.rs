//! What the processes said last, for a test that failed: their folder goes with the stack.

use std::{fs, path::Path};

/// Lines of each log that are worth reading first.
const LINES: usize = 25;

/// Writes the last lines of a log to standard error.
pub(crate) fn print(name: &str, log: &Path) {
    // A log that cannot be read must not hide the failure it would explain.
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("--- the last lines of {name}");
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        eprintln!("{line}");
    }
}
