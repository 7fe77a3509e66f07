//! `spillway dev`: the whole system on this machine, until Ctrl-C.
//!
//! ```text
//! ports, programs -> stack -> topics, schemas -> processes -> gateway -> sample -> table, story
//! ```
//! It stops in the opposite order, whether a signal, a death or a failed start ends it, and ends
//! nothing that it did not start.

mod binaries;
mod children;
mod gateway;
mod log_tail;
mod port_owner;
mod ports;
pub(crate) mod prepare;
mod sample;
mod steps;
pub(crate) mod stop;
mod story;
mod system;
mod table;

use std::{path::PathBuf, process::ExitCode};

use devstack::{Error, Options, Stack};
use events::profile::Profile;

use self::system::Plan;
pub(crate) use self::{
    binaries::Binaries,
    children::{Children, spec as child},
    gateway::{TITLE, merge},
    ports::{Port, Ports},
    sample::Shop,
    steps::Steps,
};
use crate::{output::OutputArgs, profile::ParameterArgs, words};

/// Runs the whole system on this machine, with sample data, until Ctrl-C.
///
/// Exit codes: 0 it was stopped in order, 2 wrong arguments, 3 a part did not start or has died.
///
/// Example: spillway dev --random-ports --retain ./spillway-data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Listens on free ports instead of the fixed ones, so that several systems run side by side.
    #[arg(long)]
    random_ports: bool,
    /// Keeps everything in this folder for the next start; without it everything is thrown away.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".spillway")]
    retain: Option<PathBuf>,
    /// Puts no sample catalogue and no sample orders in.
    #[arg(long)]
    no_sample: bool,
    #[command(flatten)]
    parameters: ParameterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let parameters = args.parameters.of(&Profile::LOCAL)?;
    let stop = stop::on_signals()?;
    let ports = if args.random_ports { Ports::random().await? } else { Ports::fixed().await? };
    let binaries = Binaries::find()?;
    let steps = Steps::default();
    let Some(stack) = stop.run_until_cancelled(start_stack(&args, &steps)).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let stack = stack?;
    let plan = Plan {
        binaries,
        ports,
        parameters,
        retained: args.retain.is_some(),
        sample: !args.no_sample,
        format: args.output.output,
    };
    let ended = system::run(&stack, plan, &steps, stop).await;
    let stopping = async {
        stack.stop().await;
        Ok(())
    };
    steps.run("stack stopped", stopping).await?;
    ended?;
    if let Some(folder) = &args.retain {
        words::next(&format!("spillway dev --retain {}", folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn start_stack(args: &Args, steps: &Steps) -> anyhow::Result<Stack> {
    if let Some(folder) = &args.retain {
        prepare::folder(folder)?;
    }
    let options = Options {
        data_dir: args.retain.clone(),
        ports: if args.random_ports { devstack::Ports::Random } else { devstack::Ports::Fixed },
        // What is kept must also survive a crash of the machine.
        durable: args.retain.is_some(),
        progress: steps.of_stack(),
        ..Options::default()
    };
    match Stack::start(options).await {
        Err(Error::PortTaken(port)) => anyhow::bail!(ports::taken(port)),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn retain(words: &[&str]) -> Option<PathBuf> {
        let line = Line::try_parse_from([&["dev"], words].concat()).unwrap();
        line.args.retain
    }

    #[test]
    fn what_is_kept_has_a_folder_with_a_default() {
        assert_eq!(retain(&[]), None);
        assert_eq!(retain(&["--retain"]), Some(".spillway".into()));
        assert_eq!(retain(&["--retain", "--no-sample"]), Some(".spillway".into()));
        assert_eq!(retain(&["--retain", "kept"]), Some("kept".into()));
    }
}
