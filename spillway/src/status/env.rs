//! A running system as lines for a POSIX shell: `eval "$(spillway status -o env)"`.

use crate::running::Running;

/// One `export` per variable, quoted so that no value can be anything else than a value.
pub(super) fn lines(running: &Running) -> String {
    running
        .environment
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .collect()
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::sample;

    #[test]
    fn a_shell_reads_the_values_back() {
        assert_eq!(
            lines(&sample("a")),
            "export DATABASE_URL='postgres://u:it'\\''s@h/d'\n\
             export SPILLWAY_URL='http://127.0.0.1:8080'\n"
        );
    }
}
