//! `spillway repair`: heals a gap that readers have raised.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use command_api::processor::repair::{self, Planned, Repair, RepairError, Repaired};
use eventlog::{Connection, Registry};
use events::ShardId;
use serde::Serialize;
use service::config::{KafkaArgs, RegistryArgs};
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, Format, OutputArgs, Row},
    place::PlaceArgs,
    words,
};

/// Writes the outputs of a shard again from below a gap, while everything serves.
///
/// Readers skip what they have and take what they lack; nothing needs to stand still. The offset is in the origin of the last event before the gap: `orders/3:0:1234:2` is offset 1234.
///
/// Example: spillway repair --shard orders/3 --from 1234
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    snapshots: PlaceArgs,
    /// The shard whose outputs are missing, such as orders/3.
    #[arg(long, value_parser = shard_of)]
    shard: ShardId,
    /// Command offset at or below the first output that is missing.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    from: i64,
    /// Consumer group of the processors.
    #[arg(long, env = "COMMAND_GROUP", default_value = "command-api")]
    group: String,
    /// When to give up, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    within_s: u64,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Told {
    shard: String,
    /// What the shard was restored from; absent: the start of its log.
    snapshot: Option<String>,
    from: i64,
    until: i64,
    outputs: u64,
}

impl Row for Told {
    const HEAD: &'static [&'static str] = &["shard", "from", "until", "outputs", "snapshot"];

    fn cells(&self) -> Vec<String> {
        let snapshot = self.snapshot.clone().unwrap_or_else(|| "none".to_owned());
        let (from, until) = (self.from.to_string(), self.until.to_string());
        vec![self.shard.clone(), from, until, self.outputs.to_string(), snapshot]
    }
}

/// What would be done, if no command came meanwhile.
#[derive(Debug, Serialize)]
struct Plan {
    shard: String,
    /// What the shard would be restored from; absent: the start of its log.
    snapshot: Option<String>,
    from: i64,
    until: i64,
    outputs: u64,
    /// The same outputs, by their topic.
    topics: BTreeMap<&'static str, u64>,
}

impl Row for Plan {
    const HEAD: &'static [&'static str] =
        &["shard", "from", "until", "outputs", "snapshot", "topics"];

    fn cells(&self) -> Vec<String> {
        let snapshot = self.snapshot.clone().unwrap_or_else(|| "none".to_owned());
        let topics = self.topics.iter().map(|(topic, outputs)| format!("{topic} {outputs}"));
        let topics = topics.collect::<Vec<_>>().join(", ");
        let (from, until) = (self.from.to_string(), self.until.to_string());
        vec![self.shard.clone(), from, until, self.outputs.to_string(), snapshot, topics]
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (shard, from) = (args.shard, args.from);
    args.write.check_asking()?;
    let repair = Repair {
        connection: Connection::new(&args.kafka.kafka_bootstrap_servers),
        group: args.group,
        client_id: "spillway-repair".to_owned(),
        schema_ids: Registry::new(args.registry.schema_registry_url.as_str())?.ids().await?,
        library: args.snapshots.open()?,
        shard,
        from,
        within: Duration::from_secs(args.within_s),
    };
    if args.write.shows_plan() {
        let Planned { snapshot, until, outputs: topics } =
            match blocking(&repair, repair::look).await? {
                Ok(planned) => planned,
                Err(error) => return refused(error),
            };
        let snapshot = snapshot.map(|name| name.to_string());
        let outputs = topics.values().sum();
        let plan = Plan { shard: shard.to_string(), snapshot, from, until, outputs, topics };
        if args.write.is_dry_run() {
            output::print(args.output.output, &[plan])?;
        } else {
            // Standard output is for what was done.
            words::say(&output::render(Format::Table, &[plan])?);
        }
    }
    let question = format!("Write all outputs of {shard} from offset {from} on again?");
    if args.write.leave(&question)? == Leave::Refrain {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    let Repaired { snapshot, outputs, until } = match blocking(&repair, repair::run).await? {
        Ok(repaired) => repaired,
        Err(error) => return refused(error),
    };
    let snapshot = snapshot.map(|name| name.to_string());
    let told = Told { shard: shard.to_string(), snapshot, from, until, outputs };
    output::print(args.output.output, &[told])?;
    words::say(&format!("{} no reader lacks anything of {shard} from here on", words::tick()));
    words::next("spillway verify");
    Ok(ExitCode::SUCCESS)
}

async fn blocking<T: Send + 'static>(
    repair: &Repair,
    act: fn(&Repair, &Handle) -> Result<T, RepairError>,
) -> anyhow::Result<Result<T, RepairError>> {
    let (repair, runtime) = (repair.clone(), Handle::current());
    Ok(spawn_blocking(move || act(&repair, &runtime)).await?)
}

/// What the log, or what is kept of it, says no to; any other error is one.
fn refused(error: RepairError) -> anyhow::Result<ExitCode> {
    match error {
        RepairError::NoSuchShard { .. } => Err(exit::usage(error.to_string())),
        RepairError::NotBelow { .. }
        | RepairError::NothingCommitted { .. }
        | RepairError::Impossible(_) => {
            words::say(&format!("{} nothing was done: {error}", words::cross()));
            Ok(exit::found(true))
        }
        error => Err(error.into()),
    }
}

fn shard_of(text: &str) -> Result<ShardId, String> {
    text.parse().map_err(|_| "expected something like orders/3".to_owned())
}
