//! `spillway verify`: recomputes the system from its logs and compares.
//!
//! 1. Every shard is stepped again from the start of its log to what its owner committed; from its
//!    oldest usable snapshot where `spillway archive` has deleted the start.
//! 2. Every output in the logs is compared with the recomputed one, byte for byte, apart from
//!    repeats; what must be there and is not is missing.
//! 3. The events that readers accept are folded, with a stock ledger of their own at every prefix,
//!    and compared with the rows of the read models at the projection's checkpoint.
//!
//! Nothing is written and nothing needs to stand still. One shard and one partition are held in
//! memory at a time, and eight bytes for every output.

mod compare;
mod decided;
mod expected;
mod expected_rows;
mod fold;
mod history;
mod recompute;
mod report;
mod rows;
mod stock;
mod strays;
mod sums;
mod trade;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use eventlog::{Connection, LogReader, Partition, Registry, SchemaReader};
use events::{Topic, command::Parameters};
use snapshots::Library;
use tokio::{runtime::Handle, task::spawn_blocking};

use self::{compare::Target, expected::Expected, report::Report, rows::Rows};
use crate::{
    exit, log_start,
    output::{self, Format, OutputArgs},
    place::PlaceArgs,
    words,
};

/// Recomputes the system from its logs and compares.
///
/// Exit codes: 0 everything is as the command log says, 1 something is not, 2 wrong arguments, 3 the
/// brokers, the registry or PostgreSQL were not reached.
///
/// Example: eval "$(spillway status -o env)" && spillway verify
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Brokers to begin with, separated by commas.
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "127.0.0.1:29092")]
    kafka_bootstrap_servers: String,
    /// The schema registry, with the path of its Confluent-compatible API.
    #[arg(
        long,
        env = "SCHEMA_REGISTRY_URL",
        default_value = "http://127.0.0.1:28081/apis/ccompat/v7"
    )]
    schema_registry_url: String,
    /// The PostgreSQL of the read models.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        required_unless_present = "logs_only"
    )]
    database_url: Option<String>,
    /// Compare the logs alone, without the rows of the read models.
    #[arg(long)]
    logs_only: bool,
    /// Consumer group of the processors.
    #[arg(long, env = "COMMAND_GROUP", default_value = "command-api")]
    group: String,
    #[command(flatten)]
    snapshots: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // The rows come first: whatever they show lies in the logs that are read after them.
    let mut rows = match (&args.database_url, args.logs_only) {
        (Some(url), false) => Some(Rows::open(url).await?),
        _ => None,
    };
    let marks = match &mut rows {
        Some(rows) => Some(rows.marks().await?),
        None => None,
    };
    let connection = Connection::new(&args.kafka_bootstrap_servers);
    let schemas = Arc::new(SchemaReader::new(Registry::new(&args.schema_registry_url)?));
    let library = args.snapshots.open()?;
    let (parameters, expected, mut report) =
        recompute(connection.clone(), args.group, library).await?;
    let expected = Arc::new(expected);
    for (topic, partition) in targets(&parameters) {
        let projected = marks.as_ref().map(|marks| marks.of(topic, &partition));
        let target = Target { partition: partition.clone(), topic, projected };
        let (connection, expected) = (connection.clone(), Arc::clone(&expected));
        let (schemas, runtime) = (Arc::clone(&schemas), Handle::current());
        let compared = spawn_blocking(move || {
            let mut reader = LogReader::open(&connection, "spillway-verify")?;
            let held =
                compare::compare(&mut reader, &target, &expected, &schemas, &runtime, &mut report);
            held.map(|held| (held, report))
        });
        let held;
        (held, report) = compared.await?.with_context(|| format!("comparing {partition}"))?;
        if let Some(rows) = &mut rows {
            match topic {
                Topic::Events(kind) => {
                    rows.compare_events(kind, &partition, &held, &mut report).await?;
                }
                Topic::Outcomes(kind) => {
                    rows.compare_outcomes(kind, &partition, &held, &mut report).await?;
                }
                _ => {}
            }
        }
    }
    if let Some(rows) = &mut rows {
        rows.find_strays(&parameters, &mut report).await?;
    }
    let report = report.conclude();
    print(&report, args.output.output)?;
    Ok(exit::found(!report.ok))
}

async fn recompute(
    connection: Connection,
    group: String,
    library: Option<Library>,
) -> anyhow::Result<(Parameters, Expected, Report)> {
    spawn_blocking(move || {
        let mut report = Report::default();
        let mut reader = LogReader::open(&connection, "spillway-verify")?;
        let parameters = log_start::first_parameters(&mut reader, library.as_ref())?;
        let library = library.as_ref();
        let expected =
            recompute::recompute(&connection, &group, &parameters, library, &mut report)?;
        Ok((parameters, expected, report))
    })
    .await?
}

/// Every partition that shards write to.
fn targets(parameters: &Parameters) -> Vec<(Topic, Partition)> {
    Topic::ALL
        .into_iter()
        .flat_map(|topic| {
            let partitions = Partition::all_of(topic, parameters.partitions(topic));
            partitions.into_iter().map(move |partition| (topic, partition))
        })
        .collect()
}

fn print(report: &Report, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::write(&(serde_json::to_string_pretty(report)? + "\n"))?,
        Format::Jsonl => output::write(&(serde_json::to_string(report)? + "\n"))?,
        Format::Table => {
            let rows = report.rows().into_iter();
            let cells = rows.map(|(what, count)| vec![what.to_owned(), count.to_string()]);
            output::write(&output::table(&["what", "count"], cells))?;
        }
    }
    for violation in &report.violations {
        words::say(&format!(
            "{} {}: {}: {}",
            words::cross(),
            violation.kind,
            violation.place,
            violation.detail
        ));
    }
    if report.ok {
        words::say(&format!("{} everything is as the command log says", words::tick()));
    }
    Ok(())
}
