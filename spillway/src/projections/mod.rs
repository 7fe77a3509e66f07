//! `spillway projections`: how the read models are filled, and what is done about it by hand
//! (docs/projections.md).

mod change;
mod history;
mod lag;
pub(crate) mod list;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Shows state, lag and trouble of every projection and partition.
    List(list::Args),
    /// Lets nothing more be applied, until it is resumed. Queries go on with what there is.
    Pause(change::SwitchArgs),
    /// Ends a pause.
    Resume(change::SwitchArgs),
    /// Goes on behind records that no repair can bring back.
    Skip(change::SkipArgs),
    /// Deletes rows and begins again at the first event, while queries see it. `spillway rebuild`
    /// does it beside them.
    Reset(change::ResetArgs),
    /// Shows what was done by hand, newest first.
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
