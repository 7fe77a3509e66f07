//! Takes a record in, and raises the alarms that its link sequence and chain call for.

use std::time::Instant;

use eventlog::{Partition, Record};
use metrics::counter;

use super::{lag::labels, run::Runner};
use crate::{
    intake::Admission,
    link::Verdict,
    measure::{CONTRADICTIONS, GAPS, LOSSES, REPEATS},
    projection::Projection,
};

impl<P: Projection> Runner<P> {
    /// Takes a record of a partition that is read.
    pub(super) fn admit(&mut self, record: Record) {
        let (partition, offset) = (record.partition.clone(), record.offset);
        let Some(Admission::Judged(verdict)) = self.readers.admit(record) else {
            return;
        };
        match verdict {
            Verdict::Accept { is_after_loss } => {
                self.close_gap(&partition, offset);
                if is_after_loss {
                    counter!(LOSSES, labels(P::NAME, &partition)).increment(1);
                    tracing::error!(
                        projection = P::NAME, %partition, offset,
                        "Retention took records that were not read; going on behind them."
                    );
                }
            }
            Verdict::Repeat => counter!(REPEATS, "projection" => P::NAME).increment(1),
            Verdict::Contradiction => {
                counter!(CONTRADICTIONS, labels(P::NAME, &partition)).increment(1);
                tracing::error!(
                    projection = P::NAME, %partition, offset,
                    "A repeat has another chain than the checkpoint: its shard has had two \
                     opinions about one step."
                );
            }
            Verdict::Gap => self.open_gap(&partition, offset),
        }
    }

    /// Reads again where a gap is open, when it is time.
    pub(super) fn look_into_gaps(&mut self) {
        for (partition, from) in self.gaps.due(Instant::now()) {
            tracing::error!(
                projection = P::NAME, %partition, ?from,
                "gap: records are missing, and those behind them are discarded. Repair must emit \
                 them again; meanwhile the log is read once more."
            );
            self.read_again(partition, from);
        }
    }

    fn open_gap(&mut self, partition: &Partition, offset: i64) {
        if self.gaps.open(partition, Instant::now()) {
            counter!(GAPS, labels(P::NAME, partition)).increment(1);
            self.lag.gap(partition, true);
            tracing::error!(
                projection = P::NAME, %partition, offset,
                "gap: records before this one are missing; it is discarded."
            );
        }
    }

    fn close_gap(&mut self, partition: &Partition, offset: i64) {
        if self.gaps.close(partition) {
            self.lag.gap(partition, false);
            tracing::info!(projection = P::NAME, %partition, offset, "The gap is healed.");
        }
    }
}
