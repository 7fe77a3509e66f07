//! `spillway completions SHELL`: the completion script of a shell, on standard output.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::{cli, output};

/// Prints the completion script of a shell.
///
/// Example: spillway completions bash > ~/.local/share/bash-completion/completions/spillway
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to complete in.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "spillway", &mut script);
    output::write(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
