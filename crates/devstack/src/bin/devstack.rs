//! The stack by itself, for work on one part of the system: `devstack up` until Ctrl-C.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use devstack::{Event, Options, Ports, Progress, Stack, State, artifacts};
use tokio::signal::unix::{SignalKind, signal};

/// Starts and stops the local infrastructure: Kafka, schema registry, PostgreSQL, Redis.
#[derive(Debug, Parser)]
#[command(version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the stack, print its addresses as environment variables, stop it on Ctrl-C.
    Up(Up),
    /// Fetch the pinned versions and print the table of their SHA-256 sums.
    Sums,
}

#[derive(Debug, Args)]
struct Up {
    /// Keep what the parts store in this folder.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Listen on free ports instead of the fixed table.
    #[arg(long)]
    random_ports: bool,
    /// Brokers of the Kafka cluster.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    brokers: u8,
    /// Let PostgreSQL wait for the disk on every commit.
    #[arg(long)]
    durable: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse().verb {
        Verb::Up(choices) => up(choices).await,
        Verb::Sums => sums().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devstack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn sums() -> anyhow::Result<()> {
    print!("{}", artifacts::sums_of_a_fresh_fetch().await?);
    Ok(())
}

async fn up(choices: Up) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let options = Options {
        data_dir: choices.data,
        ports: if choices.random_ports { Ports::Random } else { Ports::Fixed },
        brokers: choices.brokers,
        durable: choices.durable,
        progress: Progress::new(show),
        ..Options::default()
    };
    let stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    for (name, value) in stack.env() {
        println!("{name}={value}");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stack.stop().await;
    Ok(())
}

fn show(event: Event) {
    match event.state {
        State::Started => eprintln!("{} …", event.step),
        State::Finished { took } => eprintln!("{} ready after {took:.1?}", event.step),
    }
}
