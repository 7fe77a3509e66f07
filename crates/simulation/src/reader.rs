//! A downstream reader of one partition: a mark per source shard, and everything that it applied
//! (PROTOCOL 9, 10).

use std::collections::BTreeMap;

use events::{
    ShardId,
    header::View,
    position::{Arrival, Mark},
};
use shard::planted;

use crate::broker::{Log, Stored};

/// Where a reader is, and what it has seen.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    marks: BTreeMap<ShardId, Mark>,
    /// A hint only; the marks count.
    position: usize,
    /// What it applied, by source.
    pub(crate) applied: BTreeMap<ShardId, Vec<Stored>>,
    /// How often records were missing.
    pub(crate) gaps: usize,
}

impl Reader {
    /// Begins again at an earlier offset, with the marks that it has.
    pub(crate) fn go_back(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// Reads what consumers see.
    pub(crate) fn read(&mut self, log: &Log) {
        let records = log.visible();
        if self.position > records.len() {
            // Out of range: the log lost its end. Seek back, and skip what is lower.
            self.position = 0;
        }
        for stored in &records[self.position..] {
            self.take(stored);
        }
        self.position = records.len();
    }

    fn take(&mut self, stored: &Stored) {
        let headers = stored.view();
        let Some((source, mark)) = View(&headers).link() else { return };
        let last = self.marks.entry(source).or_default();
        match judge(*last, mark) {
            Arrival::Next => {
                *last = mark;
                self.applied.entry(source).or_default().push(stored.clone());
            }
            Arrival::Repeat => {}
            Arrival::Gap => self.gaps += 1,
        }
    }
}

fn judge(last: Mark, record: Mark) -> Arrival {
    planted!(
        ReaderSkippingEqualOnly => if record == last { Arrival::Repeat } else { Arrival::Next },
        ReaderApplyingHigher => if record <= last { Arrival::Repeat } else { Arrival::Next };
        last.arrival(record)
    )
}
