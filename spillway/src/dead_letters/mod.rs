//! `spillway dead-letters`: what projections could not apply, and what becomes of it
//! (docs/projections.md).

mod drop;
mod filter;
mod list;
mod redrive;
mod show;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    List(list::Args),
    Show(show::Args),
    Redrive(redrive::Args),
    Drop(drop::Args),
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => list::run(args).await,
        Verb::Show(args) => show::run(args).await,
        Verb::Redrive(args) => redrive::run(args).await,
        Verb::Drop(args) => drop::run(args).await,
    }
}
