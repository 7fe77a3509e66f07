//! Secrets from files: `DATABASE_URL_FILE` instead of `DATABASE_URL`, for every secret setting.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

use super::Errors;

/// Reads the file of every secret that has one and adds its value to the words, which no other
/// process can see. A secret is a setting with `hide_env_values`. A flag wins over its file; a
/// variable beside its file is an error, because nobody can say which was meant.
///
/// Returns the settings whose error is noted and that are not to be read any more.
pub(super) fn read<'a>(
    command: &'a Command,
    words: &mut Vec<OsString>,
    errors: &mut Errors,
) -> Vec<&'a Arg> {
    let mut bad = Vec::new();
    for arg in command.get_arguments().filter(|arg| arg.is_hide_env_values_set()) {
        let (Some(flag), Some(variable)) = (arg.get_long(), arg.get_env()) else { continue };
        if is_given(flag, words) {
            continue;
        }
        match value(variable) {
            Ok(None) => {}
            Ok(Some(value)) => words.push(format!("--{flag}={value}").into()),
            Err(what) => {
                errors.add(flag, what);
                bad.push(arg);
            }
        }
    }
    bad
}

/// Content of the file that stands for `variable`, without the line end that editors add.
fn value(variable: &OsStr) -> Result<Option<String>, String> {
    let mut file_variable = variable.to_owned();
    file_variable.push("_FILE");
    let Some(path) = std::env::var_os(&file_variable) else { return Ok(None) };
    let file_variable = file_variable.display();
    if std::env::var_os(variable).is_some() {
        return Err(format!("{file_variable} is set too; set only one of the two"));
    }
    match std::fs::read_to_string(&path) {
        Ok(value) => Ok(Some(value.trim_end().to_owned())),
        Err(error) => Err(format!("{file_variable} ({}): {error}", path.display())),
    }
}

fn is_given(flag: &str, words: &[OsString]) -> bool {
    let (bare, with_value) = (format!("--{flag}"), format!("--{flag}="));
    words.iter().any(|word| {
        word == OsStr::new(&bare) || word.as_encoded_bytes().starts_with(with_value.as_bytes())
    })
}
