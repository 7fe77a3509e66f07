//! `spillway verify`: recomputes the system from its logs and compares.

use std::process::ExitCode;

use crate::exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Err(exit::usage("this build has no `spillway verify`"))
}
