//! How far the runner is behind the log, measured now and then.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use eventlog::{Member, Partition};
use metrics::{Label, gauge};

use crate::measure::{GAP_OPEN, LAG_EVENTS, LAG_SECONDS};

/// Time between two measurements; each asks the broker once per partition.
const PERIOD: Duration = Duration::from_secs(5);

/// The lag gauges of one projection.
#[derive(Debug)]
pub(super) struct Lag {
    projection: &'static str,
    measured: Instant,
    /// Log time of the last fact read.
    last_at: HashMap<Partition, DateTime<Utc>>,
}

impl Lag {
    pub(super) fn new(projection: &'static str) -> Self {
        Self { projection, measured: Instant::now(), last_at: HashMap::new() }
    }

    pub(super) fn read(&mut self, partition: &Partition, at: DateTime<Utc>) {
        self.last_at.insert(partition.clone(), at);
    }

    /// Measures what is read, when it is time. A broker that does not answer ends the measurement:
    /// waiting for each partition would take the runner's time.
    pub(super) fn measure<'a>(
        &mut self,
        member: &Member,
        partitions: impl Iterator<Item = &'a Partition>,
    ) {
        if self.measured.elapsed() < PERIOD {
            return;
        }
        self.measured = Instant::now();
        for partition in partitions {
            let Some(next) = member.next(partition) else {
                continue;
            };
            match member.watermarks(partition) {
                Ok(log) => self.publish(partition, log.lag(next)),
                Err(error) => {
                    tracing::warn!(%error, %partition, "The lag could not be measured.");
                    return;
                }
            }
        }
    }

    /// The partition is no longer ours: another process reports it now.
    pub(super) fn forget(&mut self, partition: &Partition) {
        self.last_at.remove(partition);
        self.publish(partition, 0);
        self.gap(partition, false);
    }

    /// Whether a gap is open in the partition.
    pub(super) fn gap(&self, partition: &Partition, is_open: bool) {
        let gauge = gauge!(GAP_OPEN, labels(self.projection, partition));
        gauge.set(if is_open { 1.0 } else { 0.0 });
    }

    fn publish(&self, partition: &Partition, events: i64) {
        let labels = labels(self.projection, partition);
        let behind = self.last_at.get(partition).filter(|_| events > 0);
        let seconds = behind.map_or(0.0, |at| (Utc::now() - *at).as_seconds_f64().max(0.0));
        gauge!(LAG_SECONDS, labels.clone()).set(seconds);
        // A lag is far below the 2^53 up to which a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        gauge!(LAG_EVENTS, labels).set(events as f64);
    }
}

/// The labels of what is counted per partition.
pub(super) fn labels(projection: &'static str, partition: &Partition) -> Vec<Label> {
    vec![
        Label::new("projection", projection),
        Label::new("topic", partition.topic.to_string()),
        Label::new("partition", partition.number.to_string()),
    ]
}
