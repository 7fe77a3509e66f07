//! `spillway dead-letters list`.

use std::process::ExitCode;

use projector::letters::find::{self, Listed};
use service::config::DatabaseArgs;

use super::filter::FilterArgs;
use crate::{
    operator,
    output::{self, Format, OutputArgs, Row},
    words,
};

/// Letters that are held in memory at once; one JSON document holds all that are shown.
const PAGE: i64 = 1_000;

/// Shows the letters, without their bytes.
///
/// A letter of class `parked` is fine in itself, and waits behind another of its key.
///
/// Exit codes: 0 they are shown, 2 wrong arguments, 3 PostgreSQL was not reached.
///
/// Example: spillway dead-letters list --projection orders --class unfit
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Most letters shown.
    #[arg(long, value_name = "COUNT", default_value_t = 100,
        value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    #[command(flatten)]
    output: OutputArgs,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] =
        &["projection", "partition", "offset", "key", "class", "attempts", "first seen", "message"];

    fn cells(&self) -> Vec<String> {
        let key = self.key.as_deref().map(String::from_utf8_lossy);
        vec![
            self.projection.clone(),
            format!("{}/{}", self.topic, self.partition),
            self.kafka_offset.to_string(),
            key.map_or_else(|| "none".to_owned(), std::borrow::Cow::into_owned),
            self.error_class.clone(),
            self.attempts.to_string(),
            self.first_seen.format("%Y-%m-%d %H:%M:%S").to_string(),
            self.message.clone(),
        ]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let filter = args.filter.filter();
    let count = find::count(&pool, &filter).await?;
    let is_whole = args.output.output == Format::Json;
    let (mut whole, mut shown, mut after) = (Vec::new(), 0, None);
    loop {
        let page = find::page(&pool, &filter, after.as_ref(), PAGE.min(args.limit - shown)).await?;
        let Some(last) = page.last() else {
            break;
        };
        shown += i64::try_from(page.len())?;
        after = Some(last.after());
        if is_whole {
            whole.extend(page);
        } else {
            output::print(args.output.output, &page)?;
        }
    }
    if is_whole || (shown == 0 && args.output.output == Format::Table) {
        output::print(args.output.output, &whole)?;
    }
    if shown < count {
        words::say(&format!("{} more: --limit {count} shows them", count - shown));
    }
    if shown > 0 {
        words::next("spillway dead-letters redrive --dry-run");
    }
    Ok(ExitCode::SUCCESS)
}
