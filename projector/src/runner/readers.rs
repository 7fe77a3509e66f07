//! The partitions that are ours: which wait for their checkpoint, and which are read.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Partition, Record};

use super::start::From;
use crate::{
    intake::{Admission, Intake, Slice},
    link::{Checkpoint, Link},
};

/// The partitions of one runner.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// Ours, and not read until their checkpoint is known.
    waiting: BTreeMap<Partition, From>,
    reading: BTreeMap<Partition, Intake>,
    /// Those of `reading` that took something in since the last batch.
    touched: BTreeSet<Partition>,
}

impl Readers {
    /// The partition is ours, and read from there once its checkpoint is known. What it took in and
    /// did not hand out is forgotten, and read again.
    pub(super) fn wait(&mut self, partition: Partition, from: From) {
        self.forget(&partition);
        self.waiting.insert(partition, from);
    }

    /// The partition is read from its checkpoint on.
    pub(super) fn begin(&mut self, partition: &Partition, checkpoint: Checkpoint, link: Link) {
        self.waiting.remove(partition);
        let intake = Intake::new(partition.clone(), checkpoint, link);
        self.reading.insert(partition.clone(), intake);
    }

    /// The partition is no longer ours.
    pub(super) fn forget(&mut self, partition: &Partition) {
        self.waiting.remove(partition);
        self.reading.remove(partition);
        self.touched.remove(partition);
    }

    pub(super) fn waiting(&self) -> Vec<(Partition, From)> {
        let waiting = self.waiting.iter();
        waiting.map(|(partition, from)| (partition.clone(), *from)).collect()
    }

    pub(super) fn reading(&self) -> impl Iterator<Item = &Partition> {
        self.reading.keys()
    }

    /// Everything that is ours.
    pub(super) fn all(&self) -> impl Iterator<Item = &Partition> {
        self.waiting.keys().chain(self.reading.keys())
    }

    /// Takes a record; `None` when its partition is not read.
    pub(super) fn admit(&mut self, record: Record) -> Option<Admission> {
        let intake = self.reading.get_mut(&record.partition)?;
        if !self.touched.contains(&record.partition) {
            self.touched.insert(record.partition.clone());
        }
        Some(intake.admit(record))
    }

    /// What can be applied now, by partition, rising.
    pub(super) fn take(&mut self) -> Vec<Slice> {
        let touched = std::mem::take(&mut self.touched);
        let slices = touched.iter().filter_map(|partition| {
            let intake = self.reading.get_mut(partition)?;
            intake.take()
        });
        slices.collect()
    }
}
