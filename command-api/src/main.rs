//! The process `command-api`: configuration, telemetry, run, exit code.

use std::process::ExitCode;

use command_api::app;
use command_api::config::Config;
use service::{config, process};

fn main() -> ExitCode {
    let config = match config::load::<Config>() {
        Ok(config) => config,
        Err(exit) => return exit.into(),
    };
    let args = config.process.clone();
    process::run(service::build!(), &args, |frame| app::run(config, frame))
}
