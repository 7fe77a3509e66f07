//! Words for people, on standard error. Data never goes here.

use std::{
    io::{self, Write as _},
    time::Duration,
};

/// What is logged unless `RUST_LOG` says otherwise. The Kafka client warns about every retry; what
/// matters of it comes back as an error.
const LOGGED: &str = "warn,librdkafka=error,rdkafka=error";

/// Writes a line. A closed standard error is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Names the command that is useful after a result.
pub(crate) fn next(command: &str) {
    say(&format!("next: {command}"));
}

/// A green tick on a terminal that may be coloured, a plain one elsewhere.
pub(crate) fn tick() -> &'static str {
    if coloured(&io::stderr()) { "\u{1b}[32m✓\u{1b}[0m" } else { "✓" }
}

/// A red cross on a terminal that may be coloured, a plain one elsewhere.
pub(crate) fn cross() -> &'static str {
    if coloured(&io::stderr()) { "\u{1b}[31m✗\u{1b}[0m" } else { "✗" }
}

/// A duration as people say it: `80 ms`, `1.9 s`.
pub(crate) fn duration(took: Duration) -> String {
    if took < Duration::from_millis(100) {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

/// Sends warnings of the libraries to standard error; `RUST_LOG` asks for more or less.
pub(crate) fn log_warnings() {
    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(coloured(&io::stderr()))
        .without_time()
        .init();
}

/// Whether an output may be coloured. `NO_COLOR`, when it is set and not empty, wins over the terminal
/// (no-color.org).
pub(crate) fn coloured(output: &impl io::IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && output.is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_unit_and_two_or_three_digits() {
        assert_eq!(duration(Duration::from_millis(80)), "80 ms");
        assert_eq!(duration(Duration::from_millis(1_940)), "1.9 s");
    }
}
