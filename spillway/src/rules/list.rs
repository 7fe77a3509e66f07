//! `spillway rules list`: the rules of every shard.

use std::{collections::BTreeMap, process::ExitCode};

use serde::Serialize;
use shard::{KNOWN_RULES, Revision};

use super::{
    TargetArgs,
    log::{self, ShardRules, by_name},
};
use crate::{
    exit,
    output::{self, Row},
    words,
};

/// The rules of one shard.
#[derive(Debug, Serialize)]
struct Listed {
    shard: String,
    /// In force; absent before the first activation.
    active: Option<Told>,
    /// Known to the shard and not in force, rising.
    proposed: Vec<Told>,
}

/// A revision, with everything that it fixes.
#[derive(Debug, Serialize)]
struct Told {
    revision: i64,
    rules: i32,
    /// False for rules that this program does not have.
    known: bool,
    parameters: BTreeMap<String, i64>,
}

impl Told {
    fn of(revision: &Revision) -> Self {
        Self {
            revision: revision.revision,
            rules: revision.rules,
            known: KNOWN_RULES.contains(&revision.rules),
            parameters: by_name(&revision.parameters),
        }
    }

    /// The revision with what differs from the one in force.
    fn beside(&self, active: Option<&Told>) -> String {
        let unknown = if self.known { "" } else { ", unknown to this program" };
        let mut text = format!("{} (rules {}{unknown}", self.revision, self.rules);
        for (name, value) in &self.parameters {
            if active.is_some_and(|active| active.parameters.get(name) != Some(value)) {
                text.push_str(&format!(", {name}={value}"));
            }
        }
        text + ")"
    }
}

impl Listed {
    fn of(shard: &ShardRules) -> Self {
        Self {
            shard: shard.shard.to_string(),
            active: shard.rules.active().map(Told::of),
            proposed: shard.rules.proposed().map(Told::of).collect(),
        }
    }
}

impl Row for Listed {
    const HEAD: &'static [&'static str] = &["shard", "active", "proposed"];

    fn cells(&self) -> Vec<String> {
        let active = self.active.as_ref();
        let proposed: Vec<String> = self.proposed.iter().map(|told| told.beside(active)).collect();
        vec![
            self.shard.clone(),
            active.map_or_else(|| "none".to_owned(), |told| told.beside(None)),
            proposed.join("; "),
        ]
    }
}

pub(super) async fn run(args: TargetArgs) -> anyhow::Result<ExitCode> {
    let shards = log::read(&args.connection(), &args.start).await?;
    let listed: Vec<Listed> = shards.iter().map(Listed::of).collect();
    output::print(args.output.output, &listed)?;
    let unknown = listed.iter().any(|l| l.active.as_ref().is_none_or(|active| !active.known));
    if unknown {
        words::say(&format!(
            "{} a shard is under rules that this program does not have, or under none: processors \
             of this release stop there",
            words::cross()
        ));
    }
    let proposed = listed.iter().filter_map(|listed| listed.proposed.last());
    match proposed.map(|told| told.revision).max() {
        Some(revision) => words::next(&format!("spillway rules activate {revision}")),
        None => words::next("spillway rules propose --help"),
    }
    Ok(exit::found(unknown))
}
