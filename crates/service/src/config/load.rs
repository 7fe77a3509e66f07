//! Reading the configuration so that one run shows every error.
//!
//! clap stops at the first bad value. So a bad setting is noted, taken out of the input and the
//! rest is read again, until the input is clean; then the rules across settings are checked too,
//! unless a setting without default is missing.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Parser};

use super::secret_files;
use super::{Errors, Validate};
use crate::exit::Exit;

/// Why there is no configuration.
#[derive(Debug)]
pub enum Failure {
    /// `--help` or `--version` was asked for; this is the answer.
    Asked(clap::Error),
    /// The configuration is not valid.
    Invalid(Errors),
}

/// The configuration of this process, from its command line and environment.
///
/// # Errors
/// After printing the help that was asked for ([`Exit::Success`]), or every error on standard
/// error ([`Exit::Configuration`]). The caller ends the process with it.
pub fn load<C: Parser + Validate>() -> Result<C, Exit> {
    let failure = match parse::<C>(std::env::args_os()) {
        Ok(config) => return Ok(config),
        Err(failure) => failure,
    };
    match failure {
        Failure::Asked(answer) => {
            // Nothing is left to do when standard output is closed.
            let _ = answer.print();
            Err(Exit::Success)
        }
        Failure::Invalid(errors) => {
            let name = C::command().get_name().to_owned();
            eprint!("The configuration of {name} is not valid:\n{errors}");
            eprintln!("{name} --help lists every setting and what is allowed.");
            Err(Exit::Configuration)
        }
    }
}

/// The configuration from these words, the first of which is the program's name, and the
/// environment.
///
/// # Errors
/// When help was asked for, or with every error that was found.
pub fn parse<C: Parser + Validate>(
    words: impl IntoIterator<Item = OsString>,
) -> Result<C, Failure> {
    let mut input = Input { words: words.into_iter().collect(), dropped: BTreeSet::new() };
    let mut errors = Errors::default();
    let command = C::command();
    for bad in secret_files::read(&command, &mut input.words, &mut errors) {
        input.drop_setting(bad);
    }
    let config = read::<C>(&mut input, &mut errors)?;
    if let Some(config) = &config {
        config.validate(&mut errors);
    }
    errors.name_variables(&command);
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(Failure::Invalid(errors)),
    }
}

/// Reads what can be read; `None` when a setting without default is missing. Ends because every
/// turn drops one more setting.
fn read<C: Parser>(input: &mut Input, errors: &mut Errors) -> Result<Option<C>, Failure> {
    loop {
        let mut command = input.command::<C>();
        let error = match command.try_get_matches_from_mut(&input.words) {
            Ok(mut matches) => match C::from_arg_matches_mut(&mut matches) {
                Ok(config) => return Ok(Some(config)),
                // A dropped setting has no default; it is noted already.
                Err(_) if !input.dropped.is_empty() => return Ok(None),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if !error.use_stderr() {
            return Err(Failure::Asked(error));
        }
        let bad = bad_settings(&command, &error);
        if bad.is_empty() || bad.iter().any(|arg| input.dropped.contains(arg.get_id().as_str())) {
            errors.add_general(first_line(&error));
            return Ok(None);
        }
        for arg in bad {
            errors.add(arg.get_long().unwrap_or_default(), describe(arg, &error));
            input.drop_setting(arg);
        }
    }
}

/// What is still to be read.
struct Input {
    words: Vec<OsString>,
    /// Ids of the settings that were found bad.
    dropped: BTreeSet<String>,
}

impl Input {
    /// The process's command, with dropped settings optional and blind to the environment.
    fn command<C: Parser>(&self) -> Command {
        self.dropped.iter().fold(C::command(), |command, id| {
            command.mut_arg(id, |arg| {
                arg.required(false).env(Resettable::<clap::builder::OsStr>::Reset)
            })
        })
    }

    /// Forgets `arg`: removes `--flag value` and `--flag=value` from the words.
    fn drop_setting(&mut self, arg: &Arg) {
        self.dropped.insert(arg.get_id().to_string());
        let Some(flag) = arg.get_long().map(|long| format!("--{long}")) else { return };
        let mut kept = Vec::with_capacity(self.words.len());
        let mut words = std::mem::take(&mut self.words).into_iter().peekable();
        while let Some(word) = words.next() {
            if word == OsStr::new(&flag) {
                words.next_if(|next| {
                    arg.get_action().takes_values() && !next.as_encoded_bytes().starts_with(b"--")
                });
            } else if !word.as_encoded_bytes().starts_with(format!("{flag}=").as_bytes()) {
                kept.push(word);
            }
        }
        self.words = kept;
    }
}

/// The settings that `error` is about; none when it is about something else.
fn bad_settings<'a>(command: &'a Command, error: &clap::Error) -> Vec<&'a Arg> {
    let shown: Vec<&String> = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(all)) => all.iter().collect(),
        _ => Vec::new(),
    };
    command.get_arguments().filter(|arg| shown.contains(&&arg.to_string())).collect()
}

/// What is wrong with one setting. The value of a secret is never shown.
fn describe(arg: &Arg, error: &clap::Error) -> String {
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return format!("missing; {}", help(arg));
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if value.is_empty() => "the empty value".to_owned(),
        Some(ContextValue::String(value)) if !arg.is_hide_env_values_set() => format!("{value:?}"),
        _ => "the value".to_owned(),
    };
    let allowed = match (error.get(ContextKind::ValidValue), error.source()) {
        (Some(ContextValue::Strings(values)), _) if !values.is_empty() => {
            format!("allowed are {}", values.join(", "))
        }
        (_, Some(source)) => source.to_string(),
        _ => help(arg),
    };
    format!("{value} is not allowed: {allowed}")
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// clap's own sentence, without its usage text.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
