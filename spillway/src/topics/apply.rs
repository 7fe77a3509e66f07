//! `spillway topics apply`: plan, leave, deed.

use std::process::ExitCode;

use super::{Step, TargetArgs, anew};
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    log_start::StartArgs,
    output::{self, OutputArgs},
    words,
};

/// Makes the topics that are missing, and the first records of every shard.
///
/// The first records say the rules and name the stream; shards that come to others begin with the
/// rules that these go by. Changes nothing that is there: running it again is harmless.
///
/// Example: spillway topics apply --profile production --dry-run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Lets shards whose command log is gone begin anew, without anything that they held. No
    /// command-api may run meanwhile.
    #[arg(long)]
    begin_anew: bool,
    #[command(flatten)]
    start: StartArgs,
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
    if let Some(lost) = &plan.lost
        && !(args.begin_anew && lost.kept.is_empty())
    {
        words::say(&format!("{} nothing was done: {lost}", words::cross()));
        return Ok(exit::found(true));
    }
    let question = match &plan.lost {
        None => "Do this?",
        Some(_) => "Give up for ever what these shards held, and do this?",
    };
    if args.write.leave(question)? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    let connection = args.target.connection();
    let rules = anew::rules(&connection, &args.start, &profile, &plan, parameters).await?;
    match &plan.lost {
        None => topics.apply_by(&plan, rules).await?,
        Some(_) => topics.begin_anew(&plan, rules).await?,
    }
    words::say(&format!("{} done", words::tick()));
    words::next("spillway schemas register");
    Ok(ExitCode::SUCCESS)
}
