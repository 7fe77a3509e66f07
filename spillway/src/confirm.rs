//! Leave to write: `--yes`, `--dry-run`, or a question on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit;

/// The arguments of every verb that writes.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct WriteArgs {
    /// Writes without asking; needed where nobody can be asked.
    #[arg(long, short)]
    yes: bool,
    /// Prints what would be written, and writes nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// What the user decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    Write,
    /// Only a look was wanted, or the answer was no.
    Refrain,
}

impl WriteArgs {
    /// Whether only a look is wanted.
    pub(crate) fn is_dry_run(self) -> bool {
        self.dry_run
    }

    /// Whether what would be written is to be shown before anything is.
    pub(crate) fn shows_plan(self) -> bool {
        !self.yes
    }

    /// Says at once that nobody can be asked, before a plan takes its time.
    ///
    /// # Errors
    /// A usage error when neither flag was given and nobody can be asked.
    pub(crate) fn check_asking(self) -> anyhow::Result<()> {
        let can_be_asked = io::stdin().is_terminal() && io::stderr().is_terminal();
        if self.yes || self.dry_run || can_be_asked {
            return Ok(());
        }
        Err(exit::usage("nobody can be asked here: pass --yes to write, or --dry-run to look"))
    }

    /// Asks for leave after the plan has been shown.
    ///
    /// # Errors
    /// A usage error when neither flag was given and nobody can be asked.
    pub(crate) fn leave(self, question: &str) -> anyhow::Result<Leave> {
        match self {
            WriteArgs { dry_run: true, .. } => Ok(Leave::Refrain),
            WriteArgs { yes: true, .. } => Ok(Leave::Write),
            _ => self.check_asking().and_then(|()| ask(question)),
        }
    }
}

fn ask(question: &str) -> anyhow::Result<Leave> {
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(if is_yes(&answer) { Leave::Write } else { Leave::Refrain })
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_decide_without_a_question() {
        let decide = |yes, dry_run| WriteArgs { yes, dry_run }.leave("?").unwrap();
        assert_eq!(decide(true, false), Leave::Write);
        assert_eq!(decide(false, true), Leave::Refrain);
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        assert!(is_yes(" Yes\n") && is_yes("y\n"));
        assert!(!is_yes("\n") && !is_yes("yeah\n"));
    }
}
