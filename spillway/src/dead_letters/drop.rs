//! `spillway dead-letters drop`.

use std::process::ExitCode;

use projector::letters::{Filter, drop, find};
use serde::Serialize;
use service::config::DatabaseArgs;

use super::filter::FilterArgs;
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    operator::{self, OperatorArgs},
    output::{self, OutputArgs, Row},
    words,
};

/// Deletes letters for good, without applying them.
///
/// What a letter said is never applied. Later events of its key do not follow the rows, where events
/// carry versions, and are parked again; `spillway rebuild NAME --key KEY` folds the log anew.
///
/// Exit codes: 0 they are gone, 2 wrong arguments, 3 PostgreSQL was not reached.
///
/// Example: spillway dead-letters drop --projection orders --class foreign-record --yes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Told {
    projection: &'static str,
    letters_dropped: u64,
}

impl Row for Told {
    const HEAD: &'static [&'static str] = &["projection", "letters dropped"];

    fn cells(&self) -> Vec<String> {
        vec![self.projection.to_owned(), self.letters_dropped.to_string()]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let filter = args.filter.filter();
    if filter == Filter::default() {
        return Err(exit::usage("say which: --projection, --key, --class or --partition"));
    }
    let pool = operator::database(&args.database).await?;
    let count = find::count(&pool, &filter).await?;
    let mut told = Vec::new();
    if count > 0 {
        let question = format!("Delete {count} dead letters for good?");
        if args.write.leave(&question)? == Leave::Refrain {
            words::say(&format!("nothing was done: {count} dead letters would be deleted"));
            return Ok(ExitCode::SUCCESS);
        }
        let by = args.operator.operator();
        for projection in args.filter.projections() {
            let letters_dropped = drop::drop(&pool, projection.name, &filter, &by).await?;
            told.push(Told { projection: projection.name, letters_dropped });
        }
        told.retain(|told| told.letters_dropped > 0);
    }
    output::print(args.output.output, &told)?;
    Ok(ExitCode::SUCCESS)
}
