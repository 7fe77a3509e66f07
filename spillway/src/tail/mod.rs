//! `spillway tail`: what is written to the logs, decoded, as it comes.

mod filter;
mod line;
mod read;
mod show;

use std::{process::ExitCode, thread, time::SystemTime};

use anyhow::Context as _;
use clap::ValueEnum;
use eventlog::{Connection, Registry, SchemaReader};
use service::config::{KafkaArgs, RegistryArgs};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{
    filter::FilterArgs,
    read::{Told, Wish},
    show::Screen,
};
use crate::{since::Since, words};

/// How long a reading may take to notice that it is no longer wanted.
const STOP_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Shows commands, events and outcomes as they are written, decoded, until Ctrl-C.
///
/// Within a partition records come in their order, across partitions as they arrive; what is read up
/// to the present end (--until-end) is put in the order of log time.
///
/// Example: spillway tail --only events --type OrderPlaced,OrderPaid --since 10m
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Where to begin: a while ago (90s, 30m, 1h, 7d), an instant (2026-11-27T09:00:00Z), an offset
    /// of every partition, `beginning` or `end`. Without it `end`, or `beginning` with --until-end.
    #[arg(long, value_name = "WHERE")]
    since: Option<Since>,
    /// Stops at the end that the log has now, instead of waiting for more.
    #[arg(long, visible_alias = "no-follow")]
    until_end: bool,
    /// Stops after so many records.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How records are printed on standard output.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// How a record is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for people.
    #[default]
    Table,
    /// One JSON document in one line.
    Jsonl,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let since = args.since.unwrap_or(match args.until_end {
        true => Since::Offset(0),
        false => Since::End,
    });
    let wish = Wish {
        connection: Connection::new(&args.kafka.kafka_bootstrap_servers),
        schemas: SchemaReader::new(Registry::new(args.registry.schema_registry_url.as_str())?),
        filter: args.filter.filter(),
        start: since.start(SystemTime::now()),
        until_end: args.until_end,
        limit: args.limit,
        screen: Screen::of(args.output == Format::Jsonl),
    };
    let stop = CancellationToken::new();
    let mut ended = begin(wish, stop.clone())?;
    let told = tokio::select! {
        told = &mut ended => told,
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            // A reading that hangs on a broker is not waited for: the process ends with it.
            match timeout(STOP_WITHIN, ended).await {
                Ok(told) => told,
                Err(_) => return Ok(ExitCode::SUCCESS),
            }
        }
    };
    conclude(&told.context("the reading panicked")??);
    Ok(ExitCode::SUCCESS)
}

/// Starts a thread that reads: it blocks on brokers, and nothing may wait for it at the end.
fn begin(
    wish: Wish,
    stop: CancellationToken,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<Told>>> {
    let (done, ended) = oneshot::channel();
    let runtime = Handle::current();
    thread::Builder::new().name("tail".to_owned()).spawn(move || {
        // Nobody listens any more after a stop that was not waited for.
        let _ = done.send(read::read(&wish, &runtime, &stop));
    })?;
    Ok(ended)
}

fn conclude(told: &Told) {
    let unreadable = match told.unreadable {
        0 => String::new(),
        count => format!(", {count} of them unreadable"),
    };
    words::say(&format!("{} of {} records shown{unreadable}", told.shown, told.read));
    if let Some(order) = &told.last_order {
        words::next(&format!("spillway why order {order}"));
    }
}
