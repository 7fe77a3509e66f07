//! `spillway topics check`: what `apply` would do, as a finding.

use std::process::ExitCode;

use super::{Step, TargetArgs};
use crate::{
    exit,
    output::{self, OutputArgs},
    words,
};

/// Compares the topics with the profile.
///
/// Exit codes: 0 they are as the profile says, 1 something is missing or different, 2 wrong arguments,
/// 3 the brokers were not reached.
///
/// Example: spillway topics check --profile production
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let plan = args.target.topics()?.plan().await?;
    output::print(args.output.output, &Step::of(&plan))?;
    if plan.is_empty() {
        words::say(&format!("{} the topics are as the profile wants them", words::tick()));
    } else {
        words::say(&format!("{} the topics are not as the profile wants them", words::cross()));
        words::next("spillway topics apply --dry-run");
    }
    Ok(exit::found(!plan.is_empty()))
}
