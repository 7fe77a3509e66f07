//! `spillway rebuild`: another generation of a read model beside the live one, compared and switched
//! (docs/projections.md).

use std::{future::Future, process::ExitCode, sync::Arc, time::Duration};

use eventlog::{Connection, Partition, Registry, SchemaReader};
use events::partitioner::partition_of;
use indicatif::{ProgressBar, ProgressStyle};
use projector::{
    operate::{self, list},
    projection::Registration,
    rebuild::{
        self, Context,
        key::Outcome,
        run::{Report, Watch, Wish},
        switch::Patience,
    },
};
use serde::Serialize;
use service::config::{DatabaseArgs, KafkaArgs, RegistryArgs};

use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    operator::{self, OperatorArgs},
    output::{self, Format, OutputArgs, Row},
    words,
};

/// Fills a read model anew beside the live one, compares, and switches.
///
/// Both are compared at the same position, and switched at once. A run that is cut off is gone on with by the next. Rows that differ
/// are shown, and nothing is switched, unless that is accepted.
///
/// Exit codes: 0 switched (or rebuilt, or discarded), 1 not switched because rows differ or something
/// stood otherwise, or no event has the key, 2 wrong arguments, 3 PostgreSQL,
/// the brokers or the registry were not reached.
///
/// Example: spillway rebuild orders --rate 20000 --yes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    /// The projection.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Registration,
    /// Fold only this key of the live generation again, from its first event.
    #[arg(long, conflicts_with_all = ["back", "discard", "rate", "accept_differences"])]
    key: Option<String>,
    /// Most events a second, so that the live projection and its database keep their room.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Return to the generation that was live before the last switch, without a rebuild.
    #[arg(long, conflicts_with_all = ["discard", "accept_differences"])]
    back: bool,
    /// Throw away the generation that an earlier run began.
    #[arg(long, conflicts_with = "accept_differences")]
    discard: bool,
    /// Switch although rows differ, as they do after a change of the projection.
    #[arg(long)]
    accept_differences: bool,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One table in both generations.
#[derive(Debug, Serialize)]
struct Told {
    table: &'static str,
    rows_live: i64,
    rows_rebuilt: i64,
    equal: bool,
}

impl Row for Told {
    const HEAD: &'static [&'static str] = &["table", "rows live", "rows rebuilt", "equal"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.table.to_owned(),
            self.rows_live.to_string(),
            self.rows_rebuilt.to_string(),
            if self.equal { "yes" } else { "no" }.to_owned(),
        ]
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let registry = Registry::new(args.registry.schema_registry_url.as_str())?;
    let context = Context {
        pool,
        connection: Connection::new(&args.kafka.kafka_bootstrap_servers),
        schemas: Arc::new(SchemaReader::new(registry)),
        batch_records_max: 10_000,
        batch_bytes_max: 8 << 20,
        rate: args.rate.map(f64::from),
        patience: Patience::default(),
    };
    let name = args.projection.name;
    let what = match (&args.key, args.back, args.discard) {
        (Some(key), ..) => format!("Fold {key} of {name} again"),
        (_, true, _) => format!("Return to the generation of {name} before"),
        (.., true) => format!("Throw away the generation of {name} that is being filled"),
        _ => format!("Rebuild {name} beside what is served, and switch when nothing differs"),
    };
    if args.write.leave(&format!("{what}?"))? == Leave::Refrain {
        words::say(&format!("nothing was done: {what}"));
        return Ok(ExitCode::SUCCESS);
    }
    let by = args.operator.operator();
    let operations = args.projection.operations;
    if args.discard {
        let Some(discarded) = told(operations.discard(&context.pool, &by).await)? else {
            return Ok(exit::found(true));
        };
        words::say(&match discarded {
            Some(generation) => format!("{} generation {generation} is gone", words::tick()),
            None => "there was none".to_owned(),
        });
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(key) = &args.key {
        return one_key(&args, &context, key).await;
    }
    let accept_differences = args.accept_differences;
    let wish = if args.back { Wish::Back } else { Wish::New { accept_differences } };
    let watch = Watch::new(context.rate);
    let rebuilt = shown(&watch, operations.rebuild(&context, wish, &by, &watch)).await;
    let Some(rebuilt) = rebuilt else {
        words::say("stopped; what was filled stays: run it again to go on, or with --discard");
        return Ok(exit::found(true));
    };
    let Some(report) = told(rebuilt)? else {
        return Ok(exit::found(true));
    };
    print(&report, args.output.output)?;
    Ok(exit::found(!report.is_switched))
}

/// A refusal is told; `None` then.
fn told<T>(result: Result<T, rebuild::Error>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(rebuild::Error::Operate(operate::Error::Refused(why))) => {
            words::say(&format!("{} nothing was switched: {why}", words::cross()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows how far the work is, until it ends or somebody wants it to; `None` then.
async fn shown<T>(watch: &Watch, work: impl Future<Output = T>) -> Option<T> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} {wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left",
    ) {
        bar.set_style(style);
    }
    let mut every = tokio::time::interval(Duration::from_millis(250));
    let mut work = std::pin::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break Some(done),
            _ = tokio::signal::ctrl_c() => break None,
            _ = every.tick() => {
                bar.set_length(watch.total());
                bar.set_position(watch.pace.events());
                bar.set_message(watch.phase());
            }
        }
    };
    bar.finish_and_clear();
    done
}

async fn one_key(args: &Args, context: &Context, key: &str) -> anyhow::Result<ExitCode> {
    let by = args.operator.operator();
    let mut events = 0;
    for topic in args.projection.topics {
        let stands = list::stands(&context.pool, Some(args.projection.name), false).await?;
        let ours = stands.iter().filter(|stand| {
            stand.topic == topic.name() && !matches!(&*stand.state, "rebuilding" | "retired")
        });
        let count = ours.count();
        let number = partition_of(key.as_bytes(), i32::try_from(count)?.max(1));
        let partition = Partition::of(*topic, number);
        let rebuilt = args.projection.operations.rebuild_key(context, &partition, key, &by).await;
        match told(rebuilt)? {
            None => return Ok(exit::found(true)),
            Some(Outcome::Rebuilt { events: found }) => events += found,
            Some(Outcome::Stuck { offset, class, message }) => {
                words::say(&format!(
                    "{} {key} stays as it was: the event at {partition} {offset} is {class}: \
                     {message}",
                    words::cross()
                ));
                return Ok(exit::found(true));
            }
        }
    }
    let done =
        serde_json::json!({"projection": args.projection.name, "key": key, "events": events});
    match args.output.output {
        Format::Table => {}
        Format::Json | Format::Jsonl => output::write(&format!("{done}\n"))?,
    }
    if events == 0 {
        let name = args.projection.name;
        words::say(&format!("{} no event that {name} reads has the key {key}", words::cross()));
        words::next(&format!("spillway tail --until-end --key {key}  # whether the log has any"));
        return Ok(exit::found(true));
    }
    words::say(&format!("{} {key} is the fold of its {events} events", words::tick()));
    Ok(ExitCode::SUCCESS)
}

fn print(report: &Report, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::write(&(serde_json::to_string_pretty(report)? + "\n"))?,
        Format::Jsonl => output::write(&(serde_json::to_string(report)? + "\n"))?,
        Format::Table => {
            let told = report.tables.iter().map(|table| Told {
                table: table.table,
                rows_live: table.live.rows,
                rows_rebuilt: table.rebuilt.rows,
                equal: table.is_equal(),
            });
            output::print(format, &told.collect::<Vec<_>>())?;
        }
    }
    for table in report.tables.iter().filter(|table| !table.is_equal()) {
        for row in &table.differences {
            let text = |row: &Option<String>| row.clone().unwrap_or_else(|| "no row".to_owned());
            let (live, rebuilt) = (text(&row.live), text(&row.rebuilt));
            words::say(&format!("{} {}: {live} is {rebuilt}", words::cross(), table.table));
        }
    }
    let name = report.projection;
    // Counts of events are far below the 2^53 up to which a float counts exactly.
    #[allow(clippy::cast_precision_loss)]
    let rate = report.events as f64 / report.fill_seconds.max(0.001);
    words::say(&format!(
        "{} events in {:.1} s, {rate:.0} a second",
        report.events, report.fill_seconds
    ));
    if report.is_switched {
        let (generation, before) = (report.generation, report.live_before);
        words::say(&format!("{} generation {generation} of {name} is live", words::tick()));
        words::next(&format!("spillway rebuild {name} --back   # returns to generation {before}"));
    } else {
        words::say(&format!("{} rows differ, and nothing was switched", words::cross()));
        words::next(&format!("spillway rebuild {name} --accept-differences"));
    }
    Ok(())
}
