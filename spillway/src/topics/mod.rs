//! `spillway topics apply|check`: the topics as the deployment profile wants them.

mod anew;
mod apply;
mod check;
mod step;

use std::process::ExitCode;

use eventlog::{Connection, Topics};
use events::{command::Parameters, profile::Profile};
use service::config::KafkaArgs;

use self::step::Step;
use crate::{log_start::StartArgs, profile::ProfileArgs};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Apply(apply::Args),
    Check(check::Args),
}

/// Which topics, where.
#[derive(Debug, clap::Args)]
struct TargetArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    profile: ProfileArgs,
}

impl TargetArgs {
    fn topics(&self) -> anyhow::Result<Topics> {
        Ok(Topics::new(&self.connection(), self.profile.profile()?)?)
    }

    fn connection(&self) -> Connection {
        Connection::new(&self.kafka.kafka_bootstrap_servers)
    }
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Apply(args) => apply::run(args).await,
        Verb::Check(args) => check::run(args).await,
    }
}

/// Makes what is missing, without a question, for a system that starts.
///
/// # Errors
/// The brokers do not answer, or the topics differ in what cannot be changed in place.
pub(crate) async fn make(
    bootstrap_servers: &str,
    profile: Profile,
    parameters: Parameters,
) -> anyhow::Result<()> {
    let connection = Connection::new(bootstrap_servers);
    let topics = Topics::new(&connection, profile)?;
    let plan = topics.plan().await?;
    let start = StartArgs::default();
    let rules = anew::rules(&connection, &start, &profile, &plan, parameters).await?;
    Ok(topics.apply_by(&plan, rules).await?)
}
