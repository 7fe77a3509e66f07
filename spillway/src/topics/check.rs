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
        return Ok(exit::found(false));
    }
    words::say(&format!("{} the topics are not as the profile wants them", words::cross()));
    if plan.differences.is_empty() {
        words::next(&format!("spillway topics apply{} --dry-run", args.target.profile));
    } else {
        words::say(&format!(
            "what is to be resolved cannot be changed in place: were they made with another profile or \
             other numbers than{}?",
            args.target.profile
        ));
    }
    Ok(exit::found(!plan.is_empty()))
}
