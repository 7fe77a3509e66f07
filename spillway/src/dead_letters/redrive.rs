//! `spillway dead-letters redrive`.

use std::{process::ExitCode, time::Duration};

use eventlog::{Registry, SchemaReader};
use indicatif::ProgressBar;
use projector::letters::{
    find,
    redrive::{Key, Outcome},
};
use serde::Serialize;
use service::config::{DatabaseArgs, RegistryArgs};

use super::filter::FilterArgs;
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    operator::{self, OperatorArgs},
    output::{self, Format, OutputArgs, Row},
    words,
};

/// Keys that are still stuck and are named; of the others only their number is told.
const STUCK_NAMED: usize = 100;

/// Applies the letters of parked keys again, in order, after a fix.
///
/// Each key's letters are applied in order and in one transaction, or stay as they are. What is done
/// stays done when the run ends early: run it again for the rest. The projector need not stand still.
/// A record without a key, or of a foreign writer, parks nothing and is not applied again: see `drop`.
///
/// Exit codes: 0 nothing of the asked-for waits any more (or would), 1 some keys are still stuck,
/// 2 wrong arguments, 3 PostgreSQL or the registry was not reached.
///
/// Example: spillway dead-letters redrive --projection orders --class unfit --dry-run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a run came to.
#[derive(Debug, Default, Serialize)]
struct Told {
    dry_run: bool,
    keys_healed: u64,
    letters_applied: u64,
    keys_stuck: u64,
    /// The first of them.
    stuck: Vec<Stuck>,
}

#[derive(Debug, Serialize)]
struct Stuck {
    projection: &'static str,
    partition: String,
    key: String,
    /// The letter that cannot be applied.
    offset: i64,
    class: String,
    message: String,
}

impl Row for Stuck {
    const HEAD: &'static [&'static str] =
        &["projection", "partition", "key", "offset", "class", "message"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.projection.to_owned(),
            self.partition.clone(),
            self.key.clone(),
            self.offset.to_string(),
            self.class.clone(),
            self.message.clone(),
        ]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let schemas = SchemaReader::new(Registry::new(args.registry.schema_registry_url.as_str())?);
    let (filter, by) = (args.filter.filter(), args.operator.operator());
    let count = find::count(&pool, &filter).await?;
    let is_dry = args.write.is_dry_run();
    let question = format!("Apply the keys of {count} dead letters again?");
    if count > 0 && !is_dry && args.write.leave(&question)? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(200));
    let mut told = Told { dry_run: is_dry, ..Told::default() };
    for projection in args.filter.projections() {
        let operations = projection.operations;
        let mut last: Option<Key> = None;
        loop {
            let keys = operations.parked_keys(&pool, &filter, last.as_ref()).await?;
            let Some(end) = keys.last().cloned() else {
                break;
            };
            for key in &keys {
                let outcome = operations.redrive(&pool, &schemas, key, is_dry, &by).await?;
                told.count(projection.name, key, outcome);
                progress.set_message(format!(
                    "{} keys healed, {} letters applied, {} keys stuck",
                    told.keys_healed, told.letters_applied, told.keys_stuck
                ));
            }
            last = Some(end);
        }
    }
    progress.finish_and_clear();
    told.print(args.output.output)?;
    Ok(exit::found(told.keys_stuck > 0))
}

impl Told {
    fn count(&mut self, projection: &'static str, key: &Key, outcome: Outcome) {
        match outcome {
            Outcome::Healed { letters } => {
                self.keys_healed += 1;
                self.letters_applied += letters;
            }
            Outcome::Stuck { offset, class, message } => {
                self.keys_stuck += 1;
                if self.stuck.len() < STUCK_NAMED {
                    let partition = key.partition.to_string();
                    let key = String::from_utf8_lossy(&key.key).into_owned();
                    self.stuck.push(Stuck { projection, partition, key, offset, class, message });
                }
            }
            Outcome::Gone => {}
        }
    }

    fn print(&self, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => output::write(&(serde_json::to_string_pretty(self)? + "\n"))?,
            Format::Jsonl => output::write(&(serde_json::to_string(self)? + "\n"))?,
            Format::Table if self.stuck.is_empty() => {}
            Format::Table => output::print(format, &self.stuck)?,
        }
        let would = if self.dry_run { "would be " } else { "" };
        words::say(&format!(
            "{} {} keys {would}healed with {} letters, {} stuck",
            if self.keys_stuck == 0 { words::tick() } else { words::cross() },
            self.keys_healed,
            self.letters_applied,
            self.keys_stuck
        ));
        Ok(())
    }
}
