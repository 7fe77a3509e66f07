//! Configuration: flag, environment, default.

use std::time::Duration;

use clap::Parser;
use events::profile::Profile;
use service::config::{DatabaseArgs, Errors, KafkaArgs, ProcessArgs, RegistryArgs, Validate};

use crate::{runner, sweep::Ages};

/// Keeps the read models in PostgreSQL up to date with the event topics. Any number of instances
/// share the partitions; one that stops or dies is replaced by the others.
#[derive(Debug, Clone, Parser)]
#[command(name = "projector", version)]
pub struct Config {
    #[command(flatten)]
    pub process: ProcessArgs<8082>,
    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub projector: ProjectorArgs,
}

/// What only the projector has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Projector")]
pub struct ProjectorArgs {
    /// First part of the consumer groups' names; the projection's name follows behind a hyphen.
    #[arg(long, env = "PROJECTOR_GROUP", value_name = "NAME", default_value = "projector")]
    pub group: String,

    /// The deployment profile that the topics were made with: local, replicated or production.
    #[arg(long, env = "SPILLWAY_PROFILE", value_name = "NAME", default_value = "local",
        value_parser = profile)]
    pub profile: Profile,

    /// Most records that one transaction applies.
    #[arg(long, env = "BATCH_RECORDS_MAX", value_name = "COUNT", default_value_t = 5_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch_records_max: u32,

    /// Most bytes of records that one transaction applies; the last record may exceed it.
    #[arg(long, env = "BATCH_BYTES_MAX", value_name = "BYTES", default_value_t = 4_194_304,
        value_parser = clap::value_parser!(u32).range(1_024..=67_108_864))]
    pub batch_bytes_max: u32,

    /// Seconds between two readings of the same stretch while records are missing from it.
    #[arg(long, env = "GAP_PAUSE_S", value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub gap_pause_s: u64,

    /// Minutes for which the changes are kept that live streams are read from. A client that comes
    /// back later reads anew.
    #[arg(long, env = "CHANGES_KEEP_MINUTES", value_name = "MINUTES", default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub changes_keep_minutes: u64,

    /// Days for which the outcomes of commands are kept, by log time. Their topics hold 7: what is older
    /// cannot be made again, so that a rebuild of outcomes that are kept for longer differs.
    #[arg(long, env = "OUTCOMES_KEEP_DAYS", value_name = "DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub outcomes_keep_days: u64,

    /// Most connections to PostgreSQL at once. Every partition takes one for each of its batches;
    /// fewer than partitions means that some wait for others.
    #[arg(long, env = "CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub connections_max: u32,

    /// Do not apply migrations at start, but wait until somebody else has.
    #[arg(long, env = "NO_MIGRATE")]
    pub no_migrate: bool,

    /// Apply migrations and exit; for a one-shot job before a rollout.
    #[arg(long)]
    pub migrate_only: bool,
}

impl Validate for Config {
    fn validate(&self, errors: &mut Errors) {
        self.process.validate(errors);
        if self.projector.group.is_empty() {
            errors.add("group", "must not be empty");
        }
        if self.projector.no_migrate && self.projector.migrate_only {
            errors.add("migrate-only", "contradicts --no-migrate; give only one of the two");
        }
    }
}

impl ProjectorArgs {
    pub(crate) fn ages(&self) -> Ages {
        Ages {
            changes: Duration::from_secs(60 * self.changes_keep_minutes),
            outcomes: Duration::from_secs(24 * 60 * 60 * self.outcomes_keep_days),
        }
    }

    pub(crate) fn runner_settings(&self) -> runner::Settings {
        // Both bounds above fit every usize that this runs on.
        let whole = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        runner::Settings {
            group: self.group.clone(),
            batch_records_max: whole(self.batch_records_max),
            batch_bytes_max: whole(self.batch_bytes_max),
            gap_pause: Duration::from_secs(self.gap_pause_s),
        }
    }
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::of_name(name).ok_or_else(|| {
        let names = Profile::ALL.map(|profile| profile.name);
        format!("give one of: {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set it to write the page anew after a change of the settings.
    const UPDATE: &str = "UPDATE_SETTINGS";

    #[test]
    fn the_kept_page_says_what_is_declared() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration/projector.md");
        let page = service::config::reference::<Config>();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, page).unwrap();
            return;
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == page, "{path} differs: {UPDATE}=1 cargo test --workspace --lib kept_page");
    }
}
