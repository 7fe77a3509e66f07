//! The query API's process.

use std::process::ExitCode;

use query_api::{app, config::Config};
use service::{config, process};

fn main() -> ExitCode {
    match config::load::<Config>() {
        Ok(config) => {
            let args = config.process.clone();
            process::run(service::build!(), &args, |frame| app::run(frame, config))
        }
        Err(exit) => exit.into(),
    }
}
