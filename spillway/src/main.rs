//! `spillway`, the command-line tool: reads the arguments, runs one verb, ends with its exit code.

mod archive;
mod bench;
mod cli;
mod command_log;
mod completions;
mod confirm;
mod connect;
mod dead_letters;
mod dev;
mod exit;
mod import;
mod log_start;
mod openapi;
mod operator;
mod output;
mod place;
mod profile;
mod projections;
mod rebuild;
mod repair;
mod rules;
mod running;
mod schemas;
mod since;
mod status;
mod tail;
mod topics;
mod verify;
mod why;
mod words;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::read();
    words::log_warnings();
    exit::of(cli.run().await)
}
