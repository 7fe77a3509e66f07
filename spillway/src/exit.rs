//! Exit codes, and how an error becomes one.

use std::process::ExitCode;

/// The section of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done, and nothing wrong was found
  1  done, and something wrong was found
  2  the arguments or the configuration are wrong; nothing was done
  3  something that is needed is missing, unreachable or has died";

/// Something wrong was found: a difference, a refusal, a process that is not ready.
pub(crate) const FOUND: u8 = 1;
/// The arguments or the configuration are wrong. clap ends with it too.
pub(crate) const USAGE: u8 = 2;
/// What the tool needs is missing, unreachable or has died.
pub(crate) const INFRASTRUCTURE: u8 = 3;

/// An error that the user's arguments or configuration cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Makes an error that ends the process with [`USAGE`].
pub(crate) fn usage(sentence: impl Into<String>) -> anyhow::Error {
    Usage(sentence.into()).into()
}

/// 0, or [`FOUND`] when something wrong was found.
pub(crate) fn found(anything: bool) -> ExitCode {
    if anything { ExitCode::from(FOUND) } else { ExitCode::SUCCESS }
}

/// Reports an error, if there is one, and gives the code to end with. Every error that is not of
/// the user's making means that something needed did not work.
pub(crate) fn of(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        crate::words::say(&format!("spillway: {error:#}"));
        ExitCode::from(code(&error))
    })
}

fn code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<Usage>()) { USAGE } else { INFRASTRUCTURE }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_usage_error_is_known_below_its_context() {
        let error =
            Err::<(), _>(usage("no such profile")).context("reading the arguments").unwrap_err();
        assert_eq!(code(&error), USAGE);
        assert_eq!(code(&anyhow::anyhow!("no broker")), INFRASTRUCTURE);
    }
}
