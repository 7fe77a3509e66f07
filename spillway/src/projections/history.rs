//! `spillway projections history`: what was done by hand.

use std::process::ExitCode;

use projector::{
    operate::history::{self, Operation},
    projection::Registration,
};
use service::config::DatabaseArgs;

use crate::{
    operator,
    output::{self, OutputArgs, Row},
    words,
};

/// Shows what was done by hand, newest first.
///
/// Example: spillway projections history orders --limit 20
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// One projection; without it, all of them.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Option<Registration>,
    /// Most operations shown, newest first.
    #[arg(long, value_name = "COUNT", default_value_t = 50,
        value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    output: OutputArgs,
}

impl Row for Operation {
    const HEAD: &'static [&'static str] =
        &["at", "by", "verb", "projection", "generation", "partition", "detail"];

    fn cells(&self) -> Vec<String> {
        let partition = match (&self.topic, self.partition) {
            (Some(topic), Some(number)) => format!("{topic}/{number}"),
            _ => "all".to_owned(),
        };
        vec![
            self.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            self.operator.clone(),
            self.verb.clone(),
            self.projection.clone(),
            self.generation.to_string(),
            partition,
            self.detail.to_string(),
        ]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let name = args.projection.map(|projection| projection.name);
    let operations = history::last(&pool, name, args.limit).await?;
    output::print(args.output.output, &operations)?;
    words::next("spillway projections list");
    Ok(ExitCode::SUCCESS)
}
