//! How each shard is and who has it, as command-api's gauges tell: the names are those of its edge
//! and processor.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::{Sample, samples};
use crate::output::Row;

/// One shard.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Shard {
    /// Kind and partition, such as `orders/3`.
    shard: String,
    /// The process that has it; absent while none that was asked does.
    owner: Option<String>,
    /// Whether it has stopped before a record that it must not skip.
    pub(super) halted: bool,
    /// Commands that are appended and not known to be decided; absent where no edge told.
    backlog: Option<i64>,
    /// Age of the newest stepped command, in seconds, while there are more; else 0.
    behind_seconds: Option<f64>,
    /// Offset of the next command.
    next_offset: Option<i64>,
    /// Lowest offset with an unacknowledged output, else the next offset.
    frontier: Option<i64>,
    /// Products or orders in the state.
    live: Option<i64>,
    /// Commands that are remembered, so that a repeat gets the same answer.
    remembered: Option<i64>,
    /// Revision of the rules in force.
    pub(super) rules_revision: Option<i64>,
    /// Version of the code that it names.
    rules_version: Option<i64>,
}

/// The shards in the metrics of processes, by the processes' names, in order.
pub(super) fn of<'a>(processes: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Vec<Shard> {
    let mut shards = BTreeMap::new();
    for (process, metrics) in processes.clone() {
        for sample in samples(metrics) {
            let Some(name) = name(&sample) else { continue };
            let shard: &mut Shard = shards.entry(name.clone()).or_default();
            shard.shard = name;
            match sample.name {
                // Each edge knows of its own commands.
                "edge_backlog" => shard.backlog = shard.backlog.max(Some(sample.count())),
                "spillway_shard_owned" if sample.count() == 1 => {
                    shard.owner = Some(process.to_owned());
                }
                _ => {}
            }
        }
    }
    // A process goes on telling how a shard was when it was handed over.
    for (process, metrics) in processes {
        for sample in samples(metrics) {
            let shard = name(&sample).and_then(|name| shards.get_mut(&name));
            if let Some(shard) = shard.filter(|shard| shard.owner.as_deref() == Some(process)) {
                shard.take(&sample);
            }
        }
    }
    shards.into_values().collect()
}

/// Which shard a sample is about. The edge names it in one label, the processor in two.
fn name(sample: &Sample<'_>) -> Option<String> {
    if sample.name == "edge_backlog" {
        return sample.labels.get("shard").cloned();
    }
    if !sample.name.starts_with("spillway_shard_") {
        return None;
    }
    let (kind, partition) = (sample.labels.get("kind")?, sample.labels.get("partition")?);
    Some(format!("{kind}/{partition}"))
}

impl Shard {
    /// What its owner tells.
    fn take(&mut self, sample: &Sample<'_>) {
        let value = Some(sample.count());
        match sample.name {
            "spillway_shard_lag_seconds" => self.behind_seconds = Some(sample.value),
            "spillway_shard_next_offset" => self.next_offset = value,
            "spillway_shard_frontier_offset" => self.frontier = value,
            "spillway_shard_live_aggregates" => self.live = value,
            "spillway_shard_dedup_entries" => self.remembered = value,
            "spillway_shard_rules_revision" => self.rules_revision = value,
            "spillway_shard_rules_version" => self.rules_version = value,
            "spillway_shard_halted" => self.halted = value == Some(1),
            _ => {}
        }
    }

    /// What a narrow terminal has room for.
    pub(super) fn brief(&self) -> Brief<'_> {
        Brief(self)
    }

    fn state(&self) -> &'static str {
        match (self.halted, &self.owner, self.next_offset) {
            (true, ..) => "halted",
            (false, Some(_), Some(_)) => "running",
            (false, Some(_), None) => "restoring",
            (false, None, _) => "elsewhere",
        }
    }

    fn rules(&self) -> String {
        match (self.rules_revision, self.rules_version) {
            (Some(revision), Some(version)) => format!("{revision} (rules {version})"),
            _ => "-".to_owned(),
        }
    }
}

impl Row for Shard {
    const HEAD: &'static [&'static str] = &[
        "shard",
        "state",
        "owner",
        "backlog",
        "behind",
        "next offset",
        "unacknowledged",
        "live",
        "remembered",
        "rules",
    ];

    fn cells(&self) -> Vec<String> {
        let unacknowledged = self.next_offset.zip(self.frontier).map(|(next, front)| next - front);
        vec![
            self.shard.clone(),
            self.state().to_owned(),
            self.owner.clone().unwrap_or_else(|| "-".to_owned()),
            or_dash(self.backlog),
            behind(self.behind_seconds),
            or_dash(self.next_offset),
            or_dash(unacknowledged),
            or_dash(self.live),
            or_dash(self.remembered),
            self.rules(),
        ]
    }
}

/// A shard in the columns that matter most.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Brief<'a>(&'a Shard);

impl Row for Brief<'_> {
    const HEAD: &'static [&'static str] =
        &["shard", "state", "owner", "backlog", "behind", "rules revision"];

    fn cells(&self) -> Vec<String> {
        let Brief(shard) = self;
        vec![
            shard.shard.clone(),
            shard.state().to_owned(),
            shard.owner.clone().unwrap_or_else(|| "-".to_owned()),
            or_dash(shard.backlog),
            behind(shard.behind_seconds),
            or_dash(shard.rules_revision),
        ]
    }
}

fn or_dash(value: Option<i64>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn behind(seconds: Option<f64>) -> String {
    seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.1} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_edges_and_processors_meet_in_one_row() {
        let edge = "\
edge_backlog{shard=\"orders/1\"} 7
edge_backlog{shard=\"orders/0\"} 0
edge_in_flight 4
spillway_shard_owned{kind=\"orders\",partition=\"1\"} 0
spillway_shard_next_offset{kind=\"orders\",partition=\"1\"} 99
";
        let owner = "\
edge_backlog{shard=\"orders/1\"} 3
spillway_shard_owned{kind=\"orders\",partition=\"1\"} 1
spillway_shard_next_offset{kind=\"orders\",partition=\"1\"} 120
spillway_shard_frontier_offset{kind=\"orders\",partition=\"1\"} 118
spillway_shard_lag_seconds{kind=\"orders\",partition=\"1\"} 0.25
spillway_shard_live_aggregates{kind=\"orders\",partition=\"1\"} 60
spillway_shard_dedup_entries{kind=\"orders\",partition=\"1\"} 70
spillway_shard_rules_revision{kind=\"orders\",partition=\"1\"} 2
spillway_shard_rules_version{kind=\"orders\",partition=\"1\"} 1
";
        let told = [("command-api-1", edge), ("command-api-2", owner)];
        let rows: Vec<Vec<String>> = of(told.into_iter()).iter().map(Row::cells).collect();
        let dashes = ["-"; 6];
        let elsewhere = [&["orders/0", "elsewhere", "-", "0"][..], &dashes].concat();
        let running = [
            "orders/1",
            "running",
            "command-api-2",
            "7",
            "0.2 s",
            "120",
            "2",
            "60",
            "70",
            "2 (rules 1)",
        ];
        assert_eq!(rows, [elsewhere, running.to_vec()]);
        let brief = of(told.into_iter())[1].brief().cells();
        assert_eq!(brief, ["orders/1", "running", "command-api-2", "7", "0.2 s", "2"]);
    }

    #[test]
    fn a_shard_that_was_handed_over_is_nobodys_until_somebody_has_it() {
        let metrics = "\
spillway_shard_owned{kind=\"orders\",partition=\"1\"} 0
spillway_shard_next_offset{kind=\"orders\",partition=\"1\"} 99
";
        let all = of([("command-api", metrics)].into_iter());
        assert_eq!(all[0].cells()[..3], ["orders/1", "elsewhere", "-"]);
        assert_eq!(all[0].next_offset, None);
    }
}
