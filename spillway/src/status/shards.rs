//! How each shard is, as command-api's gauges tell: the names are those of its edge and processor.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::{Sample, samples};
use crate::output::Row;

/// One shard.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shard {
    /// Kind and partition, such as `orders/3`.
    shard: String,
    /// Commands that are appended and not known to be decided; absent where no edge told.
    backlog: Option<i64>,
    /// Offset of the next command; absent while no processor here has the shard.
    next_offset: Option<i64>,
    /// Lowest offset with an unacknowledged output, else the next offset.
    frontier: Option<i64>,
    /// Products or orders in the state.
    live: Option<i64>,
    /// Whether it has stopped before a record that it must not skip.
    halted: bool,
}

/// The shards in a process's metrics, in order.
pub(super) fn of(metrics: &str) -> Vec<Shard> {
    let mut shards = BTreeMap::new();
    for sample in samples(metrics) {
        let Some(name) = name(&sample) else { continue };
        let shard: &mut Shard = shards.entry(name.clone()).or_default();
        shard.shard = name;
        let value = Some(sample.count());
        match sample.name {
            "edge_backlog" => shard.backlog = value,
            "spillway_shard_next_offset" => shard.next_offset = value,
            "spillway_shard_frontier_offset" => shard.frontier = value,
            "spillway_shard_live_aggregates" => shard.live = value,
            "spillway_shard_halted" => shard.halted = value == Some(1),
            _ => {}
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

impl Row for Shard {
    const HEAD: &'static [&'static str] =
        &["shard", "state", "backlog", "next offset", "unacknowledged", "live"];

    fn cells(&self) -> Vec<String> {
        let state = match (self.halted, self.next_offset) {
            (true, _) => "halted",
            (false, Some(_)) => "running",
            (false, None) => "elsewhere",
        };
        let unacknowledged = self.next_offset.zip(self.frontier).map(|(next, front)| next - front);
        let or_dash = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
        vec![
            self.shard.clone(),
            state.to_owned(),
            or_dash(self.backlog),
            or_dash(self.next_offset),
            or_dash(unacknowledged),
            or_dash(self.live),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_edge_and_processor_meet_in_one_row() {
        let metrics = "\
edge_backlog{shard=\"orders/1\"} 7
edge_backlog{shard=\"orders/0\"} 0
edge_in_flight 4
spillway_shard_next_offset{kind=\"orders\",partition=\"1\"} 120
spillway_shard_frontier_offset{kind=\"orders\",partition=\"1\"} 118
spillway_shard_live_aggregates{kind=\"orders\",partition=\"1\"} 60
";
        let rows: Vec<Vec<String>> = of(metrics).iter().map(Row::cells).collect();
        assert_eq!(
            rows,
            [
                ["orders/0", "elsewhere", "0", "-", "-", "-"],
                ["orders/1", "running", "7", "120", "2", "60"],
            ]
        );
    }
}
