//! The arguments of `spillway bench`, the same for orders and queries.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;

use super::{Subject, load::Load};
use crate::{connect::base_url, output::OutputArgs};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Closed loops: so many clients, each of which waits for its answer before it asks again.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,64")]
    clients: Vec<NonZeroU32>,
    /// Open loops: so many requests a second, whatever the answers do. A time counts from the moment
    /// at which its request was due.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "300")]
    rates: Vec<NonZeroU32>,
    /// The verb's own, which knows its workloads.
    #[arg(skip)]
    pub(super) only: Vec<Workload>,
    /// Seconds of each stretch of load.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(super) seconds: Duration,
    /// How often all of it takes turns; more rounds even out what else the machine does.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) rounds: NonZeroU32,
    /// Seconds of load on each workload that are not counted, before the first round.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(super) warm_up: Duration,
    /// Connections of an open loop. Requests that are due while all of them wait are sent late, and
    /// their times say so.
    #[arg(long, value_name = "N", default_value = "256")]
    pub(super) connections: NonZeroU32,
    /// A running system, by its base URL; without it, one is started on random ports and thrown away.
    /// Products and orders of the benchmark stay there.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub(super) url: Option<Url>,
    /// With --url, where the baseline of PostgreSQL keeps its tables, in a schema of its own that is
    /// dropped at the end; without it that baseline is left out.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(super) database_url: Option<SecretString>,
    /// What the Kafka of a system that is started here is tuned for.
    #[arg(long, value_enum, default_value = "light", conflicts_with = "url")]
    kafka: Kafka,
    /// A second system that takes turns with the first: with programs of another build, from this
    /// folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    against: Option<PathBuf>,
    /// The same, with another setting of its processes; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "url", value_parser = setting)]
    against_env: Vec<(String, String)>,
    /// The same, with another Kafka.
    #[arg(long, value_enum, value_name = "KAFKA", conflicts_with = "url")]
    against_kafka: Option<Kafka>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// A system that is started here.
#[derive(Debug, Clone)]
pub(super) struct Build<'a> {
    pub(super) name: &'static str,
    /// Folder of its programs; absent: beside this one.
    pub(super) folder: Option<&'a Path>,
    pub(super) kafka: Kafka,
    pub(super) settings: &'a [(String, String)],
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One piece of one product, always the same.
    Hot,
    /// One piece of one of 2,000 products.
    Spread,
    /// One piece of a product that has none left.
    SoldOut,
    /// An order by its id, kept in the memory of query-api.
    Cached,
    /// An order by its id, read from PostgreSQL every time.
    Uncached,
    /// A page of 50 orders.
    List,
}

/// What Kafka is tuned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kafka {
    /// A quick start and little memory, as `spillway dev` has it.
    Light,
    /// Throughput, after minutes of warm-up.
    Heavy,
}

/// What was asked for, as it stands in the report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    seconds: f64,
    rounds: NonZeroU32,
    warm_up_seconds: f64,
    connections: NonZeroU32,
    kafka: Option<Kafka>,
}

impl Workload {
    fn subject(self) -> Subject {
        match self {
            Self::Hot | Self::Spread | Self::SoldOut => Subject::Orders,
            Self::Cached | Self::Uncached | Self::List => Subject::Queries,
        }
    }

    /// A parser of the workloads of one verb.
    pub(super) fn of(subject: Subject) -> impl TypedValueParser<Value = Self> {
        let there = Self::value_variants().iter().filter(move |there| there.subject() == subject);
        PossibleValuesParser::new(there.filter_map(ValueEnum::to_possible_value))
            .try_map(|name| Self::from_str(&name, false))
    }
}

impl Args {
    /// Whether a workload was asked for.
    pub(super) fn has(&self, workload: Workload) -> bool {
        self.only.is_empty() || self.only.contains(&workload)
    }

    /// The loads, closed ones first.
    pub(super) fn loads(&self) -> Vec<Load> {
        let closed = self.clients.iter().map(|clients| Load::Closed { clients: *clients });
        let open = self.rates.iter().map(|rate| Load::Open { per_second: *rate });
        closed.chain(open).collect()
    }

    /// The systems to start: this build first.
    pub(super) fn builds(&self) -> Vec<Build<'_>> {
        let (name, kafka) = ("spillway", self.kafka);
        let mut builds = vec![Build { name, folder: None, kafka, settings: &[] }];
        let Self { against, against_env, against_kafka, .. } = self;
        if against.is_some() || !against_env.is_empty() || against_kafka.is_some() {
            builds.push(Build {
                name: "against",
                folder: against.as_deref(),
                kafka: against_kafka.unwrap_or(kafka),
                settings: against_env,
            });
        }
        builds
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            seconds: self.seconds.as_secs_f64(),
            rounds: self.rounds,
            warm_up_seconds: self.warm_up.as_secs_f64(),
            connections: self.connections,
            kafka: self.url.is_none().then_some(self.kafka),
        }
    }
}

/// The name by which a workload is asked for.
pub(super) fn name(workload: Workload) -> String {
    let value = workload.to_possible_value();
    value.map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn setting(text: &str) -> Result<(String, String), String> {
    let setting = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let setting = setting.map(|(name, value)| (name.to_owned(), value.to_owned()));
    setting.ok_or_else(|| "give NAME=VALUE".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.05..=86_400.0).contains(seconds));
    let seconds = seconds.map(Duration::from_secs_f64);
    seconds.ok_or_else(|| "give seconds between 0.05 and 86400".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &[&str]) -> Args {
        Line::try_parse_from([&["orders"], words].concat()).unwrap().args
    }

    #[test]
    fn loads_are_those_that_were_asked_for() {
        let loads = args(&["--clients", "2", "--rates", "50,100"]).loads();
        let n = |n| NonZeroU32::new(n).unwrap();
        assert_eq!(
            loads,
            [
                Load::Closed { clients: n(2) },
                Load::Open { per_second: n(50) },
                Load::Open { per_second: n(100) }
            ]
        );
    }

    #[test]
    fn a_stretch_has_a_length() {
        assert_eq!(seconds("0.5").unwrap(), Duration::from_millis(500));
        for text in ["0", "-1", "NaN", "inf", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
