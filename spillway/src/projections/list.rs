//! `spillway projections list`: state, mark, lag, letters and trouble of every partition.

use std::process::ExitCode;

use eventlog::{Connection, Partition};
use projector::{
    operate::list::{Stand, stands},
    projection::Registration,
};
use serde::Serialize;
use service::config::{DatabaseArgs, KafkaArgs};

use super::lag::{self, Lag};
use crate::{
    exit, operator,
    output::{self, OutputArgs, Row},
    words,
};

/// Shows state, lag and trouble of every projection and partition.
///
/// States: running; paused (by an operator); failed (an open gap, or an error that lasts: nothing is
/// lost, and it goes on by itself when the trouble is over); rebuilding (filled beside what is
/// served); retired (served before, kept for `spillway rebuild NAME --back`).
///
/// Exit codes: 0 nothing has failed, 1 something has, 2 wrong arguments, 3 PostgreSQL was not reached.
///
/// Example: eval "$(spillway status -o env)" && spillway projections list orders
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    /// One projection; without it, all of them.
    #[arg(value_name = "NAME", value_parser = operator::projection())]
    projection: Option<Registration>,
    /// Show retired generations too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A stand with its lag.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    stand: Stand,
    /// Absent where the broker did not say.
    lag: Option<Lag>,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] = &[
        "projection",
        "gen",
        "partition",
        "state",
        "mark",
        "events behind",
        "time behind",
        "letters",
        "keys",
        "trouble",
    ];

    fn cells(&self) -> Vec<String> {
        let stand = &self.stand;
        let unknown = || "?".to_owned();
        vec![
            stand.projection.clone(),
            stand.generation.to_string(),
            format!("{}/{}", stand.topic, stand.partition),
            stand.state.clone(),
            format!("{}:{}", stand.incarnation, stand.link_sequence),
            self.lag.map_or_else(unknown, |lag| lag.events.to_string()),
            self.lag.map_or_else(unknown, |lag| format!("{:.1} s", lag.seconds)),
            stand.dead_letters.to_string(),
            stand.parked_keys.to_string(),
            stand.trouble.clone().unwrap_or_default(),
        ]
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let pool = operator::database(&args.database).await?;
    let name = args.projection.map(|projection| projection.name);
    let stands = stands(&pool, name, args.all).await?;
    let place =
        |stand: &Stand| (Partition::new(stand.topic.as_str(), stand.partition), stand.kafka_offset);
    let connection = Connection::new(&args.kafka.kafka_bootstrap_servers);
    let lags = lag::of(connection, stands.iter().map(place).collect()).await;
    let has_failed = stands.iter().any(|stand| stand.state == "failed");
    let has_letters = stands.iter().any(|stand| stand.dead_letters > 0);
    if lags.iter().any(Option::is_none) {
        words::say("the brokers did not say how long the partitions are: the lag is not known");
    }
    let listed = stands.into_iter().zip(lags).map(|(stand, lag)| Listed { stand, lag });
    output::print(args.output.output, &listed.collect::<Vec<_>>())?;
    if has_letters {
        words::next("spillway dead-letters list");
    }
    Ok(exit::found(has_failed))
}
