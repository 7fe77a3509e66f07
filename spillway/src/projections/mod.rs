//! `spillway projections`: how the read models are filled, and what is done about it by hand
//! (docs/projections.md).

mod change;
mod history;
pub(crate) mod lag;
pub(crate) mod list;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    List(list::Args),
    /// Lets nothing more be applied, until it is resumed.
    ///
    /// Queries go on with what there is.
    ///
    /// Exit codes: 0 it is so now, 1 refused because it stood otherwise, 2 wrong arguments, 3 PostgreSQL
    /// was not reached.
    ///
    /// Example: spillway projections pause orders --partition orders.events.v1/3 --yes
    Pause(change::SwitchArgs),
    /// Ends a pause.
    ///
    /// Exit codes: 0 it is so now, 1 refused because it stood otherwise, 2 wrong arguments, 3 PostgreSQL
    /// was not reached.
    ///
    /// Example: spillway projections resume orders --partition orders.events.v1/3 --yes
    Resume(change::SwitchArgs),
    Skip(change::SkipArgs),
    Reset(change::ResetArgs),
    History(history::Args),
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => list::run(args).await,
        Verb::Pause(args) => change::pause(args).await,
        Verb::Resume(args) => change::resume(args).await,
        Verb::Skip(args) => change::skip(args).await,
        Verb::Reset(args) => change::reset(args).await,
        Verb::History(args) => history::run(args).await,
    }
}
