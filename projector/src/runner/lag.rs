//! How far the runner is behind the log, measured now and then.

use std::time::{Duration, Instant};

use chrono::Utc;
use eventlog::{Member, Partition, Record};
use metrics::{Label, gauge};

use super::backlog::Backlog;
use crate::measure::{GAP_OPEN, LAG_EVENTS, LAG_SECONDS};

/// Time between two measurements; each asks the broker once per partition.
const PERIOD: Duration = Duration::from_secs(5);

/// The lag gauges of one projection.
#[derive(Debug)]
pub(super) struct Lag {
    projection: &'static str,
    measured: Instant,
}

impl Lag {
    pub(super) fn new(projection: &'static str) -> Self {
        Self { projection, measured: Instant::now() }
    }

    /// Measures what is read, when it is time. A broker that does not answer ends the measurement:
    /// waiting for each partition would take the runner's time.
    pub(super) fn measure<'a>(
        &mut self,
        member: &Member,
        lanes: impl Iterator<Item = (&'a Partition, &'a Backlog)>,
    ) {
        if self.measured.elapsed() < PERIOD {
            return;
        }
        self.measured = Instant::now();
        for (partition, backlog) in lanes {
            match member.watermarks(partition) {
                Ok(log) => {
                    let events = log.lag(backlog.next_offset());
                    self.publish(partition, events, backlog.oldest_ms());
                }
                Err(error) => {
                    tracing::warn!(%error, %partition, "The lag could not be measured.");
                    return;
                }
            }
        }
    }

    /// The partition is no longer ours: another process reports it now.
    pub(super) fn forget(&self, partition: &Partition) {
        self.publish(partition, 0, None);
        show_gap(self.projection, partition, false);
    }

    /// A partition at its end is not behind, however old its last event is.
    fn publish(&self, partition: &Partition, events: i64, oldest_ms: Option<i64>) {
        let labels = labels(self.projection, partition);
        let waiting_ms = oldest_ms.filter(|_| events > 0);
        let waited_ms = waiting_ms.map_or(0, |ms| (Utc::now().timestamp_millis() - ms).max(0));
        // Both are far below the 2^53 up to which a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        gauge!(LAG_SECONDS, labels.clone()).set(waited_ms as f64 / 1000.0);
        #[allow(clippy::cast_precision_loss)]
        gauge!(LAG_EVENTS, labels).set(events as f64);
    }
}

/// Whether a gap is open in the partition.
pub(super) fn show_gap(projection: &'static str, partition: &Partition, is_open: bool) {
    gauge!(GAP_OPEN, labels(projection, partition)).set(if is_open { 1.0 } else { 0.0 });
}

/// The labels of what is counted per partition.
pub(super) fn labels(projection: &'static str, partition: &Partition) -> Vec<Label> {
    vec![
        Label::new("projection", projection),
        Label::new("topic", partition.topic.to_string()),
        Label::new("partition", partition.number.to_string()),
    ]
}

/// Bytes of a record as the bounds of a batch count them.
pub(super) fn size(record: &Record) -> usize {
    record.key().map_or(0, <[u8]>::len) + record.value().map_or(0, <[u8]>::len)
}
