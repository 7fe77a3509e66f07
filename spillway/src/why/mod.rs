//! `spillway why`: why a row of a read model is as it is.

mod order;
mod told;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Order(order::Args),
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Order(args) => order::run(args).await,
    }
}
