//! `spillway dead-letters show`.

use std::process::ExitCode;

use eventlog::{Partition, Registry, SchemaReader};
use projector::{letters::show::Shown, projection::Registration};
use serde_json::Value;
use service::config::{DatabaseArgs, RegistryArgs};

use crate::{
    exit, operator,
    output::{self, Format, OutputArgs},
    words,
};

/// Shows one letter in full, decoded as far as it can be.
///
/// Exit codes: 0 it is shown, 1 there is no such letter, 2 wrong arguments, 3 PostgreSQL was not
/// reached.
///
/// Example: spillway dead-letters show orders orders.events.v1/3 1234
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    /// The projection.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Registration,
    /// The partition, such as orders.events.v1/3.
    #[arg(value_parser = operator::partition)]
    partition: Partition,
    /// The Kafka offset.
    offset: i64,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let schemas = SchemaReader::new(Registry::new(args.registry.schema_registry_url.as_str())?);
    let operations = args.projection.operations;
    let shown = operations.show(&pool, &schemas, &args.partition, args.offset).await?;
    let Some(shown) = shown else {
        words::say(&format!(
            "{} {} has no dead letter at {} {}",
            words::cross(),
            args.projection.name,
            args.partition,
            args.offset
        ));
        return Ok(exit::found(true));
    };
    match args.output.output {
        Format::Json => output::write(&(serde_json::to_string_pretty(&shown)? + "\n"))?,
        Format::Jsonl => output::write(&(serde_json::to_string(&shown)? + "\n"))?,
        Format::Table => output::write(&table(&shown)?)?,
    }
    if let (Some(key), true) = (&shown.key, shown.parks_its_key) {
        words::next(&format!(
            "spillway dead-letters redrive --projection {} --key {key} --dry-run",
            shown.projection
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// One line per field, headers and body below each other.
fn table(shown: &Shown) -> anyhow::Result<String> {
    let mut cells: Vec<Vec<String>> = Vec::new();
    let Value::Object(fields) = serde_json::to_value(shown)? else {
        anyhow::bail!("a letter is no object");
    };
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::Array(headers) => {
                let lines = headers.iter().filter_map(|header| {
                    let (name, value) = (header.get(0)?.as_str()?, header.get(1)?.as_str()?);
                    Some(vec![format!("header {name}"), value.to_owned()])
                });
                cells.extend(lines);
            }
            Value::String(text) => cells.push(vec![name, text]),
            Value::Object(_) => cells.push(vec![name, serde_json::to_string_pretty(&value)?]),
            other => cells.push(vec![name, other.to_string()]),
        }
    }
    Ok(output::table(&["what", "value"], cells.into_iter()))
}
