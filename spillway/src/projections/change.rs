//! `spillway projections pause|resume|skip|reset`: each one compares before it sets, and writes down
//! what it did.

use std::process::ExitCode;

use eventlog::Partition;
use events::position::Mark;
use projector::{
    operate::{
        Target,
        change::{self, Changed, text},
    },
    projection::Registration,
};
use serde::Serialize;
use service::config::DatabaseArgs;

use crate::{
    confirm::{Leave, WriteArgs},
    operator::{self, OperatorArgs},
    output::{self, OutputArgs, Row},
    words,
};

/// Which partitions, who, and whether to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct SwitchArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The projection.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Registration,
    /// One partition, such as orders.events.v1/3; without it, all of them.
    #[arg(long, value_parser = operator::partition)]
    partition: Option<Partition>,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Goes on behind records that no repair can bring back.
///
/// The records between the two marks are never applied. Events of their keys that come later do not
/// follow the rows, and are parked: `spillway rebuild NAME --key KEY` heals what the log still has.
/// For a gap, try `spillway repair` first.
///
/// Example: spillway projections skip orders --partition orders.events.v1/3 --at 0:816 --to 0:817 --yes
#[derive(Debug, clap::Args)]
pub(crate) struct SkipArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The projection.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Registration,
    /// The partition, such as orders.events.v1/3.
    #[arg(long, value_parser = operator::partition)]
    partition: Partition,
    /// The mark at which it stands now, as `list` shows it; refused when it stands elsewhere.
    #[arg(long, value_name = "MARK", value_parser = operator::mark)]
    at: Mark,
    /// The last mark to skip; the record behind it is applied next.
    #[arg(long, value_name = "MARK", value_parser = operator::mark)]
    to: Mark,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Deletes rows and begins again at the first event, while queries see it.
///
/// `spillway rebuild` does it beside them.
///
/// Deletes the rows, dead letters and checkpoint of the partitions in one transaction; the running
/// projector then applies them again. Queries see the rows come back.
///
/// Example: spillway projections reset products --partition products.events.v1/0 --yes
#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The projection.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Registration,
    /// One partition, such as products.events.v1/0; without it, all of them.
    #[arg(long, value_parser = operator::partition)]
    partition: Option<Partition>,
    /// Refuse it when the partition stands elsewhere.
    #[arg(long, value_name = "MARK", requires = "partition", value_parser = operator::mark)]
    at: Option<Mark>,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One partition afterwards.
#[derive(Debug, Serialize)]
struct Told {
    projection: &'static str,
    topic: String,
    partition: i32,
    mark: String,
    /// False when it was so before.
    changed: bool,
}

impl Row for Told {
    const HEAD: &'static [&'static str] = &["projection", "topic", "partition", "mark", "changed"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.projection.to_owned(),
            self.topic.clone(),
            self.partition.to_string(),
            self.mark.clone(),
            if self.changed { "yes" } else { "was so" }.to_owned(),
        ]
    }
}

pub(super) async fn pause(args: SwitchArgs) -> anyhow::Result<ExitCode> {
    let name = args.projection.name;
    let (target, pool) = prepare(&args).await?;
    if args.write.leave(&format!("Pause {}?", described(&target)))? == Leave::Refrain {
        return Ok(nothing(&target, "paused"));
    }
    let paused = change::pause(&pool, &target, &args.operator.operator()).await;
    let told = tell(name, paused, args.output)?;
    words::next(&format!("spillway projections resume {name}"));
    Ok(told)
}

pub(super) async fn resume(args: SwitchArgs) -> anyhow::Result<ExitCode> {
    let (target, pool) = prepare(&args).await?;
    if args.write.leave(&format!("Resume {}?", described(&target)))? == Leave::Refrain {
        return Ok(nothing(&target, "resumed"));
    }
    let resumed = change::resume(&pool, &target, &args.operator.operator()).await;
    tell(args.projection.name, resumed, args.output)
}

pub(super) async fn skip(args: SkipArgs) -> anyhow::Result<ExitCode> {
    let name = args.projection.name;
    let pool = operator::database(&args.database).await?;
    let target = Target { projection: name, partition: Some(args.partition.clone()) };
    let (at, to) = (text(args.at), text(args.to));
    let question =
        format!("Never apply what lies behind {at} up to {to} to {}?", described(&target));
    if args.write.leave(&question)? == Leave::Refrain {
        return Ok(nothing(&target, "skipped"));
    }
    let by = args.operator.operator();
    let skipped = change::skip(&pool, (name, &args.partition), (args.at, args.to), &by).await;
    tell(name, skipped.map(|changed| vec![changed]), args.output)
}

pub(super) async fn reset(args: ResetArgs) -> anyhow::Result<ExitCode> {
    let name = args.projection.name;
    let pool = operator::database(&args.database).await?;
    let target = Target { projection: name, partition: args.partition.clone() };
    let question = format!(
        "Delete the rows of {}, and let queries see them come back one after the other?",
        described(&target)
    );
    if args.write.leave(&question)? == Leave::Refrain {
        return Ok(nothing(&target, "reset"));
    }
    let by = args.operator.operator();
    let reset = args.projection.operations.reset(&pool, &target, args.at, &by).await;
    let told = tell(name, reset, args.output)?;
    words::next(&format!("spillway projections list {name}"));
    Ok(told)
}

async fn prepare(args: &SwitchArgs) -> anyhow::Result<(Target, sqlx::PgPool)> {
    let pool = operator::database(&args.database).await?;
    let target = Target { projection: args.projection.name, partition: args.partition.clone() };
    Ok((target, pool))
}

fn described(target: &Target) -> String {
    match &target.partition {
        Some(partition) => format!("{} of {partition}", target.projection),
        None => format!("{}, all partitions", target.projection),
    }
}

fn nothing(target: &Target, done: &str) -> ExitCode {
    words::say(&format!("nothing was done: {} would be {done}", described(target)));
    ExitCode::SUCCESS
}

fn tell(
    projection: &'static str,
    changed: Result<Vec<Changed>, projector::operate::Error>,
    output: OutputArgs,
) -> anyhow::Result<ExitCode> {
    let changed = match operator::refused(changed)? {
        Ok(changed) => changed,
        Err(code) => return Ok(code),
    };
    let told = changed.into_iter().map(|changed| Told {
        projection,
        topic: changed.partition.topic.to_string(),
        partition: changed.partition.number,
        mark: text(changed.mark),
        changed: changed.is_changed,
    });
    output::print(output.output, &told.collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}
