//! Configuration of the process: flag, else environment variable, else default.

use clap::{Args, Parser, ValueEnum};
use events::profile::Profile;
use service::config::{Errors, KafkaArgs, ProcessArgs, RegistryArgs, Validate};

use shard::snapshot::{Pace, Retention};
use snapshots::{BadLocation, Library};

use crate::edge::settings::EdgeArgs;
use crate::processor;

/// Takes commands over HTTP (role edge) and decides them (role processor).
#[derive(Debug, Clone, Parser)]
#[command(name = "command-api", version)]
pub struct Config {
    #[command(flatten)]
    pub process: ProcessArgs<8081>,
    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub topics: TopicsArgs,
    /// What this instance does.
    #[arg(long, env = "ROLE", value_enum, default_value = "both", help_heading = "Process")]
    pub role: Role,
    #[command(flatten)]
    pub edge: EdgeArgs,
    #[command(flatten)]
    pub processor: ProcessorArgs,
}

/// How the topics were made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kafka")]
pub struct TopicsArgs {
    /// Deployment profile that the topics were made with. Partition counts may differ from it: the
    /// log's own rules say how many there are.
    #[arg(long, env = "SPILLWAY_PROFILE", default_value = "local",
        value_parser = Profile::ALL.map(|profile| profile.name))]
    pub profile: String,

    /// Name by which the brokers know this instance, for their logs and quotas.
    #[arg(long, env = "KAFKA_CLIENT_ID", value_name = "NAME", default_value = "command-api")]
    pub kafka_client_id: String,
}

/// Settings of the processor role.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Processor")]
pub struct ProcessorArgs {
    /// Consumer group whose members share the shards.
    #[arg(long, env = "COMMAND_GROUP", value_name = "NAME", default_value = "command-api",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub group: String,

    /// Where snapshots of the shards are kept: a folder, or a URL such as s3://bucket/prefix, with
    /// the AWS_* variables of the environment. The same place for all instances. Without it a
    /// restore replays the whole command log.
    #[arg(long, env = "SNAPSHOTS", value_name = "PLACE",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub snapshots: Option<String>,

    /// A snapshot of a shard is taken after so many records.
    #[arg(long, env = "SNAPSHOT_RECORDS", value_name = "N", default_value_t = 1_000_000,
        value_parser = clap::value_parser!(i64).range(1..))]
    pub snapshot_records: i64,

    /// A snapshot of a shard is taken after so many seconds, when there was any record at all.
    #[arg(long, env = "SNAPSHOT_EVERY_S", value_name = "SECONDS", default_value_t = 3600,
        value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub snapshot_every_s: u64,
}

impl ProcessorArgs {
    /// Where snapshots are kept, if they are.
    ///
    /// # Errors
    /// The place cannot be used.
    pub fn library(&self) -> Result<Option<Library>, BadLocation> {
        self.snapshots.as_deref().map(Library::open).transpose()
    }

    /// Where snapshots are kept and how often they are taken, if they are.
    ///
    /// # Errors
    /// The place cannot be used.
    pub fn snapshots(&self) -> Result<Option<processor::snapshots::Settings>, BadLocation> {
        let pace = Pace { records: self.snapshot_records, every_ms: self.snapshot_every_s * 1000 };
        let retention = Retention::DEFAULT;
        let settings = |library| processor::snapshots::Settings { library, pace, retention };
        Ok(self.library()?.map(settings))
    }
}

/// What an instance does; the roles scale apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// HTTP in, commands into the log, replies out.
    Edge,
    /// Commands from the log, decisions into the log.
    Processor,
    Both,
}

impl Role {
    pub fn has_edge(self) -> bool {
        self != Role::Processor
    }

    pub fn has_processor(self) -> bool {
        self != Role::Edge
    }
}

impl TopicsArgs {
    /// The profile; its name was checked when it was read.
    pub fn profile(&self) -> Profile {
        Profile::of_name(&self.profile).unwrap_or(Profile::LOCAL)
    }
}

impl Validate for Config {
    fn validate(&self, errors: &mut Errors) {
        self.process.validate(errors);
        let edge = self.edge.settings();
        let stop = self.process.stop.deadline();
        if self.role.has_edge() && edge.append_timeout >= stop {
            errors.add(
                "append-timeout-ms",
                format!("must be below --stop-deadline-s ({} s), which covers it", stop.as_secs()),
            );
        }
        if edge.reply_timeout > edge.wait_max {
            errors.add(
                "reply-timeout-ms",
                format!("must not be above --wait-s-max ({} s)", edge.wait_max.as_secs()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use service::config::{Failure, parse};

    use super::*;

    /// Set it to write the page anew after a change of the settings.
    const UPDATE: &str = "UPDATE_SETTINGS";

    #[test]
    fn the_kept_page_says_what_is_declared() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration/command-api.md");
        let page = service::config::reference::<Config>();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, page).unwrap();
            return;
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == page, "{path} differs: {UPDATE}=1 cargo test --workspace --lib kept_page");
    }

    fn errors_of(words: &[&str]) -> String {
        let words = ["command-api"].iter().chain(words).map(Into::into);
        match parse::<Config>(words) {
            Ok(_) => String::new(),
            Err(Failure::Invalid(errors)) => errors.to_string(),
            Err(Failure::Asked(_)) => panic!("nobody asked for help"),
        }
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(errors_of(&[]), "");
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let text = errors_of(&[
            "--role=judge",
            "--profile=staging",
            "--in-flight-max=0",
            "--reply-timeout-ms=60000",
            "--append-timeout-ms=30000",
        ]);
        for flag in ["role", "profile", "in-flight-max", "reply-timeout-ms", "append-timeout-ms"] {
            assert!(text.contains(&format!("--{flag} (")), "{flag} is missing in {text}");
        }
    }
}
