//! The collector of configuration errors.

use std::fmt;

/// Everything wrong with a configuration, in the order found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Long name of the flag without dashes; empty when the error belongs to no single flag.
    flag: String,
    /// The environment variable of the flag, when it is known.
    variable: Option<String>,
    /// What is wrong and what is allowed.
    what: String,
}

impl Errors {
    /// Adds an error of the setting `--{flag}`. `what` says what is wrong and what is allowed; the
    /// name of its environment variable is added when the errors are printed.
    pub fn add(&mut self, flag: impl Into<String>, what: impl Into<String>) {
        self.0.push(Entry { flag: flag.into(), variable: None, what: what.into() });
    }

    /// Adds an error that belongs to no single setting.
    pub fn add_general(&mut self, what: impl Into<String>) {
        self.add("", what);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many errors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Fills in the environment variables from the command that declares them.
    pub(super) fn name_variables(&mut self, command: &clap::Command) {
        for entry in &mut self.0 {
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(&entry.flag));
            entry.variable = arg
                .and_then(|arg| arg.get_env())
                .map(|variable| variable.to_string_lossy().into_owned());
        }
    }
}

impl fmt::Display for Errors {
    /// One line per error: `--flag (VARIABLE): what`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Entry { flag, variable, what } in &self.0 {
            match (flag.as_str(), variable) {
                ("", _) => writeln!(out, "  {what}")?,
                (flag, None) => writeln!(out, "  --{flag}: {what}")?,
                (flag, Some(variable)) => writeln!(out, "  --{flag} ({variable}): {what}")?,
            }
        }
        Ok(())
    }
}
