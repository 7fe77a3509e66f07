//! Collects the records of one partition into slices that end where steps end.

use eventlog::{Partition, Record};
use events::header::View;

use crate::{
    envelope::{Envelope, Foreign},
    link::{Checkpoint, Link, Verdict},
};

/// A record that was accepted, and waits to be applied.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub envelope: Envelope,
    pub record: Record,
}

/// What one transaction applies of one partition.
#[derive(Debug)]
pub struct Slice {
    pub partition: Partition,
    /// The checkpoint that must still stand when the slice is applied.
    pub from: Checkpoint,
    /// The checkpoint that then takes its place.
    pub to: Checkpoint,
    /// Whole steps in link order.
    pub accepted: Vec<Arrived>,
    /// Records that nobody of ours wrote.
    pub foreign: Vec<(Record, Foreign)>,
    /// Whether records are missing behind the last accepted one.
    pub is_gap_open: bool,
}

/// What became of a record, for the counters and alarms of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Judged(Verdict),
    Foreign,
}

/// The reader of one partition.
#[derive(Debug)]
pub struct Intake {
    partition: Partition,
    /// The checkpoint after the slices taken so far.
    from: Checkpoint,
    link: Link,
    /// Whole steps.
    whole: Vec<Arrived>,
    /// The beginning of a step whose end is awaited; the bounds on commands bound it.
    unfinished: Vec<Arrived>,
    foreign: Vec<(Record, Foreign)>,
}

impl Intake {
    /// A reader that goes on behind `from` with `link`, which stands at the same checkpoint.
    pub fn new(partition: Partition, from: Checkpoint, link: Link) -> Self {
        Self {
            partition,
            from,
            link,
            whole: Vec::new(),
            unfinished: Vec::new(),
            foreign: Vec::new(),
        }
    }

    /// Takes the next record of the partition.
    pub fn admit(&mut self, record: Record) -> Admission {
        let envelope = match Envelope::read(View(&record.headers()), &self.partition) {
            Ok(envelope) => envelope,
            Err(reason) => {
                self.link.pass(record.offset);
                self.foreign.push((record, reason));
                return Admission::Foreign;
            }
        };
        let verdict = self.link.arrive(&envelope, record.offset);
        if let Verdict::Accept { .. } = verdict {
            self.unfinished.push(Arrived { envelope, record });
            if !self.link.is_inside_step() {
                self.whole.append(&mut self.unfinished);
            }
        }
        Admission::Judged(verdict)
    }

    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// What can be applied now; `None` when nothing moved since the last slice.
    pub fn take(&mut self) -> Option<Slice> {
        let to = self.link.end();
        if to == self.from && self.foreign.is_empty() {
            return None;
        }
        Some(Slice {
            partition: self.partition.clone(),
            from: std::mem::replace(&mut self.from, to),
            to,
            accepted: std::mem::take(&mut self.whole),
            foreign: std::mem::take(&mut self.foreign),
            is_gap_open: self.link.is_gap_open(),
        })
    }

    pub fn link(&self) -> &Link {
        &self.link
    }
}
