//! `spillway import`: puts orders in from a file, through the command API.

use std::process::ExitCode;

use crate::exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Err(exit::usage("this build has no `spillway import`"))
}
