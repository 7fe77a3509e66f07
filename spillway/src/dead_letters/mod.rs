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
    /// Shows the letters, without their bytes.
    List(list::Args),
    /// Shows one letter in full, decoded as far as it can be.
    Show(show::Args),
    /// Applies the letters of parked keys again, in order, after a fix.
    Redrive(redrive::Args),
    /// Deletes letters for good, without applying them.
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
