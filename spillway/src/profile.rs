//! The deployment profile with what the command line changes in it.

use std::fmt;

use events::{command::Parameters, profile::Profile};
use serde_json::Value;

use crate::exit;

/// Profile, partition counts, copies and rules parameters, as arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProfileArgs {
    /// The deployment profile: `local` (one broker) or `production` (three brokers or more).
    #[arg(long, env = "SPILLWAY_PROFILE", default_value = "local", value_parser = Profile::ALL.map(|p| p.name))]
    profile: String,
    /// Partitions of the orders topics; never changed in place later.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    orders_partitions: Option<i32>,
    /// Partitions of the products topics; never changed in place later.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    products_partitions: Option<i32>,
    /// Partitions of the replies topic.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    replies_partitions: Option<i32>,
    /// Copies of every record.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=9))]
    replication: Option<i32>,
    /// Copies that must have a record before it counts as written.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=9))]
    min_in_sync_replicas: Option<i32>,
    #[command(flatten)]
    pub(crate) parameters: ParameterArgs,
}

/// Rules parameters, as arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ParameterArgs {
    /// A rules parameter, such as `payment_deadline_ms=2000`; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    parameters: Vec<(String, i64)>,
}

impl ProfileArgs {
    /// The profile with the given numbers in place of its own.
    ///
    /// # Errors
    /// A usage error when more copies must be in sync than exist.
    pub(crate) fn profile(&self) -> anyhow::Result<Profile> {
        let base = Profile::of_name(&self.profile)
            .ok_or_else(|| exit::usage(format!("there is no profile {}", self.profile)))?;
        let profile = Profile {
            orders_partitions: self.orders_partitions.unwrap_or(base.orders_partitions),
            products_partitions: self.products_partitions.unwrap_or(base.products_partitions),
            replies_partitions: self.replies_partitions.unwrap_or(base.replies_partitions),
            replication: self.replication.unwrap_or(base.replication),
            min_in_sync_replicas: self.min_in_sync_replicas.unwrap_or(base.min_in_sync_replicas),
            ..base
        };
        if profile.min_in_sync_replicas > profile.replication {
            return Err(exit::usage(format!(
                "--min-in-sync-replicas {} is above the {} copies that exist: nothing could be written",
                profile.min_in_sync_replicas, profile.replication
            )));
        }
        Ok(profile)
    }
}

/// As they are written behind a verb, with a space before each.
impl fmt::Display for ProfileArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " --profile {}", self.profile)?;
        for (name, number) in [
            ("orders-partitions", self.orders_partitions),
            ("products-partitions", self.products_partitions),
            ("replies-partitions", self.replies_partitions),
            ("replication", self.replication),
            ("min-in-sync-replicas", self.min_in_sync_replicas),
        ] {
            if let Some(number) = number {
                write!(f, " --{name} {number}")?;
            }
        }
        write!(f, "{}", self.parameters)
    }
}

/// As they are written behind a verb, with a space before each.
impl fmt::Display for ParameterArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parameters
            .iter()
            .try_for_each(|(name, value)| write!(f, " --parameter {name}={value}"))
    }
}

impl ParameterArgs {
    /// The profile's parameters with the given ones in place of its own.
    ///
    /// # Errors
    /// A usage error that names the first parameter that does not exist or cannot hold its value.
    pub(crate) fn of(&self, profile: &Profile) -> anyhow::Result<Parameters> {
        self.over(profile.parameters())
    }

    /// These parameters with the given ones in place of their own.
    ///
    /// # Errors
    /// As [`ParameterArgs::of`].
    pub(crate) fn over(&self, base: Parameters) -> anyhow::Result<Parameters> {
        let Value::Object(mut fields) = serde_json::to_value(base)? else {
            unreachable!("a struct is written as an object");
        };
        for (name, value) in &self.parameters {
            if name.ends_with("_partitions") {
                return Err(exit::usage(format!(
                    "{name} follows from the topics: pass --{} instead",
                    name.replace('_', "-")
                )));
            }
            let Some(field) = fields.get_mut(name) else {
                let known: Vec<&str> = fields
                    .keys()
                    .map(String::as_str)
                    .filter(|name| !name.ends_with("_partitions"))
                    .collect();
                return Err(exit::usage(format!(
                    "there is no parameter {name}; there are {}",
                    known.join(", ")
                )));
            };
            *field = Value::from(*value);
        }
        let parameters: Parameters = serde_json::from_value(Value::Object(fields))
            .map_err(|error| exit::usage(format!("a parameter is out of range: {error}")))?;
        check(&parameters)?;
        Ok(parameters)
    }
}

/// A repeat of a command may arrive as late as its age allows, on a clock that is off in either
/// direction; it must still be remembered then.
fn check(parameters: &Parameters) -> anyhow::Result<()> {
    let needed = parameters.accept_ms + 2 * parameters.skew_ms;
    if parameters.dedup_ms < needed {
        return Err(exit::usage(format!(
            "dedup_ms={} is below accept_ms + 2 skew_ms = {needed}: a repeat could be carried out twice",
            parameters.dedup_ms
        )));
    }
    Ok(())
}

fn name_and_value(text: &str) -> Result<(String, i64), String> {
    let (name, value) =
        text.split_once('=').ok_or("expected NAME=VALUE, such as payment_deadline_ms=2000")?;
    match value.parse() {
        Ok(value) if value > 0 => Ok((name.to_owned(), value)),
        _ => Err(format!("{name} needs a whole number above 0, not {value}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ProfileArgs,
    }

    fn read(args: &[&str]) -> anyhow::Result<(Profile, Parameters)> {
        let line = Line::try_parse_from([&["topics"], args].concat())?;
        let profile = line.args.profile()?;
        Ok((profile, line.args.parameters.of(&profile)?))
    }

    #[test]
    fn numbers_replace_those_of_the_profile_and_reach_the_parameters() {
        let (profile, parameters) = read(&[
            "--profile=production",
            "--orders-partitions=6",
            "--parameter=payment_deadline_ms=2000",
        ])
        .unwrap();
        assert_eq!((profile.orders_partitions, profile.replication), (6, 3));
        assert_eq!(parameters.orders_partitions, 6);
        assert_eq!(parameters.payment_deadline_ms, 2000);
        assert_eq!(parameters.keep_ms, Profile::PRODUCTION.parameters().keep_ms);
    }

    #[test]
    fn what_was_asked_for_is_written_as_it_is_asked_for() {
        let asked = "--profile production --orders-partitions 6 --parameter keep_ms=5";
        let line =
            Line::try_parse_from([&["topics"][..], &asked.split(' ').collect::<Vec<_>>()].concat());
        assert_eq!(line.unwrap().args.to_string(), format!(" {asked}"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_sentence() {
        for (args, part) in [
            (&["--profile=staging"][..], "production"),
            (&["--orders-partitions=0"], "1..=1024"),
            (&["--min-in-sync-replicas=2"], "nothing could be written"),
            (&["--parameter=keep_ms"], "NAME=VALUE"),
            (&["--parameter=keep_ms=soon"], "whole number"),
            (&["--parameter=patience_ms=1"], "there are accept_ms"),
            (&["--parameter=orders_partitions=3"], "--orders-partitions"),
            (&["--parameter=expire_max=9999999999"], "out of range"),
            (&["--parameter=dedup_ms=1000"], "carried out twice"),
        ] {
            let error = format!("{:#}", read(args).unwrap_err());
            assert!(error.contains(part), "{args:?}: {error}");
        }
    }
}
