//! How far each projection is behind, as the projector's gauges tell: the names are its own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::samples;
use crate::output::Row;

/// One projection in one partition of its topic.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Projection {
    projection: String,
    topic: String,
    partition: i64,
    /// Records between the reader and the end of the partition.
    behind: i64,
    /// Age of the last fact read, in seconds, while there is more to read; else 0.
    behind_seconds: f64,
    /// Whether records are missing that a repair must write again.
    gap: bool,
}

/// The projections in a process's metrics, in order.
pub(super) fn of(metrics: &str) -> Vec<Projection> {
    let mut found = BTreeMap::new();
    for sample in samples(metrics) {
        let label = |name| sample.labels.get(name).cloned().unwrap_or_default();
        if !matches!(
            sample.name,
            "projector_lag_events" | "projector_lag_seconds" | "projector_gap_open"
        ) {
            continue;
        }
        let (projection, topic) = (label("projection"), label("topic"));
        let partition = label("partition").parse().unwrap_or_default();
        let row: &mut Projection = found
            .entry((projection.clone(), topic.clone(), partition))
            .or_insert_with(|| Projection { projection, topic, partition, ..Default::default() });
        match sample.name {
            "projector_lag_events" => row.behind = sample.count(),
            "projector_lag_seconds" => row.behind_seconds = sample.value,
            _ => row.gap = sample.count() == 1,
        }
    }
    found.into_values().collect()
}

impl Row for Projection {
    const HEAD: &'static [&'static str] =
        &["projection", "topic", "partition", "events behind", "time behind", "gap"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.projection.clone(),
            self.topic.clone(),
            self.partition.to_string(),
            self.behind.to_string(),
            format!("{:.1} s", self.behind_seconds),
            if self.gap { "open" } else { "no" }.to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_in_the_order_of_their_numbers() {
        let metrics = "\
projector_lag_events{projection=\"orders\",topic=\"orders.events.v1\",partition=\"10\"} 3
projector_lag_seconds{projection=\"orders\",topic=\"orders.events.v1\",partition=\"10\"} 0.25
projector_lag_events{projection=\"orders\",topic=\"orders.events.v1\",partition=\"9\"} 0
projector_gap_open{projection=\"orders\",topic=\"orders.events.v1\",partition=\"9\"} 1
projector_partitions{projection=\"orders\"} 2
";
        let rows: Vec<Vec<String>> = of(metrics).iter().map(Row::cells).collect();
        assert_eq!(
            rows,
            [
                ["orders", "orders.events.v1", "9", "0", "0.0 s", "open"],
                ["orders", "orders.events.v1", "10", "3", "0.2 s", "no"],
            ]
        );
    }
}
