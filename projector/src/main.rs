//! The projector process: event topics to PostgreSQL.

use std::process::ExitCode;

use projector::{app, config::Config};
use service::{config, process};

fn main() -> ExitCode {
    match config::load::<Config>() {
        Ok(config) => {
            let args = config.process.clone();
            process::run(service::build!(), &args, |frame| app::run(config, frame))
        }
        Err(exit) => exit.into(),
    }
}
