//! How each projection is: its state as PostgreSQL tells it, and how far it is behind, as the
//! projector's gauges tell: the names are its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use projector::{
    operate::list::{Stand, stands},
    store::connect,
};
use serde::Serialize;
use tokio::time::timeout;

use super::metrics::samples;
use crate::output::Row;

/// One projection in one partition of its topic.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Projection {
    projection: String,
    topic: String,
    partition: i64,
    /// As `spillway projections list` tells it; absent when PostgreSQL does not.
    state: Option<String>,
    /// Records between the reader and the end of the partition.
    behind: i64,
    /// Age of the last fact read, in seconds, while there is more to read; else 0.
    behind_seconds: f64,
    /// Whether records are missing that a repair must write again.
    pub(super) gap: bool,
}

/// One projection over all of its partitions.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    projection: String,
    /// Every state that a partition of it is in.
    states: BTreeSet<String>,
    partitions: usize,
    behind: i64,
    /// Of the partition that is farthest behind.
    behind_seconds: f64,
    gaps: usize,
}

/// Each projection in one row, in order.
pub(super) fn summarise(all: &[Projection]) -> Vec<Summary> {
    let mut found: BTreeMap<&str, Summary> = BTreeMap::new();
    for row in all {
        let name = row.projection.as_str();
        let summary = found
            .entry(name)
            .or_insert_with(|| Summary { projection: name.to_owned(), ..Summary::default() });
        summary.states.insert(row.state.clone().unwrap_or_else(|| "?".to_owned()));
        summary.partitions += 1;
        summary.behind += row.behind;
        summary.behind_seconds = summary.behind_seconds.max(row.behind_seconds);
        summary.gaps += usize::from(row.gap);
    }
    found.into_values().collect()
}

impl Row for Summary {
    const HEAD: &'static [&'static str] =
        &["projection", "state", "partitions", "events behind", "time behind", "gaps"];

    fn cells(&self) -> Vec<String> {
        let states: Vec<&str> = self.states.iter().map(String::as_str).collect();
        vec![
            self.projection.clone(),
            states.join(", "),
            self.partitions.to_string(),
            self.behind.to_string(),
            format!("{:.1} s", self.behind_seconds),
            if self.gaps == 0 { "none".to_owned() } else { self.gaps.to_string() },
        ]
    }
}

/// PostgreSQL is asked for so long.
const WITHIN: Duration = Duration::from_secs(3);

/// The projections in a process's metrics, each with its state, in order.
pub(super) async fn look(metrics: &str, database_url: Option<&str>) -> Vec<Projection> {
    let mut all = of(metrics);
    if let Some(url) = database_url
        && let Ok(pool) = connect::pool(url, 1)
        && let Ok(Ok(stands)) = timeout(WITHIN, stands(&pool, None, false)).await
    {
        add_states(&mut all, &stands);
    }
    all
}

/// Builds that are filled beside what is served have a list of their own.
fn add_states(all: &mut [Projection], stands: &[Stand]) {
    for stand in stands.iter().filter(|stand| stand.state != "rebuilding") {
        let is_same = |row: &&mut Projection| {
            (&row.projection, &row.topic, row.partition)
                == (&stand.projection, &stand.topic, i64::from(stand.partition))
        };
        if let Some(row) = all.iter_mut().find(is_same) {
            row.state = Some(stand.state.clone());
        }
    }
}

/// The projections in a process's metrics, in order.
fn of(metrics: &str) -> Vec<Projection> {
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
        &["projection", "topic", "partition", "state", "events behind", "time behind", "gap"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.projection.clone(),
            self.topic.clone(),
            self.partition.to_string(),
            self.state.clone().unwrap_or_else(|| "?".to_owned()),
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
        let mut all = of(metrics);
        let stand = |partition, state: &str| Stand {
            projection: "orders".to_owned(),
            generation: 1,
            topic: "orders.events.v1".to_owned(),
            partition,
            state: state.to_owned(),
            incarnation: 0,
            link_sequence: 1,
            kafka_offset: 1,
            event_time: None,
            updated_at: chrono::Utc::now(),
            trouble: None,
            trouble_since: None,
            dead_letters: 0,
            parked_keys: 0,
        };
        add_states(&mut all, &[stand(9, "failed"), stand(10, "rebuilding")]);
        let rows: Vec<Vec<String>> = all.iter().map(Row::cells).collect();
        assert_eq!(
            rows,
            [
                ["orders", "orders.events.v1", "9", "failed", "0", "0.0 s", "open"],
                ["orders", "orders.events.v1", "10", "?", "3", "0.2 s", "no"],
            ]
        );
        let summaries: Vec<Vec<String>> = summarise(&all).iter().map(Row::cells).collect();
        assert_eq!(summaries, [["orders", "?, failed", "2", "3", "0.2 s", "1"]]);
    }
}
