//! `spillway topics apply`: plan, leave, deed.

use std::process::ExitCode;

use super::{Step, TargetArgs};
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, OutputArgs},
    words,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let profile = args.target.profile.profile()?;
    let parameters = args.target.profile.parameters.of(&profile)?;
    let topics = args.target.topics()?;
    let plan = topics.plan().await?;
    if plan.is_empty() {
        output::print::<Step>(args.output.output, &[])?;
        words::say("everything is there");
        words::next("spillway schemas register");
        return Ok(ExitCode::SUCCESS);
    }
    output::print(args.output.output, &Step::of(&plan))?;
    if !plan.differences.is_empty() {
        words::say("nothing was done: what is to be resolved cannot be changed in place");
        return Ok(exit::found(true));
    }
    if args.write.leave("Do this?")? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    topics.apply_with(&plan, parameters).await?;
    words::say(&format!("{} done", words::tick()));
    words::next("spillway schemas register");
    Ok(ExitCode::SUCCESS)
}
