//! One partition: idempotent appends, replication, and the loss of what was not replicated.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use events::Millis;

use super::{PartitionId, ProducerId, Stored};

/// How many batches of a producer a broker knows again.
const BATCHES_KNOWN: usize = 5;

/// A batch on its way to the log.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) producer: ProducerId,
    pub(crate) partition: PartitionId,
    /// Sequence of the first record.
    pub(crate) first: u64,
    pub(crate) records: Rc<Vec<Stored>>,
}

/// What a producer is told of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// In the log, replicated, from this offset on.
    Appended(usize),
    /// Not in the log for now: send it again.
    NotNow,
    /// Another batch is expected.
    OutOfOrder,
    /// It will never be in the log.
    Never,
}

/// A log with its replication and its producers.
#[derive(Debug, Default)]
pub(crate) struct Log {
    records: Vec<Stored>,
    /// What is before it was deleted. It stays in `records`, for the reference run only.
    low: usize,
    /// What consumers see ends here.
    high: usize,
    known: BTreeMap<ProducerId, VecDeque<Batch>>,
    /// Batches that wait for their replicas before they are acknowledged.
    waiting: Vec<(Batch, ProducerId)>,
    /// How far the leader's clock is ahead.
    pub(crate) clock_ahead: Millis,
}

#[derive(Debug, Clone, Copy)]
struct Batch {
    first: u64,
    base: usize,
    count: usize,
}

impl Batch {
    fn end(&self) -> usize {
        self.base + self.count
    }
}

impl Log {
    /// Everything, replicated or not.
    pub(crate) fn all(&self) -> &[Stored] {
        &self.records
    }

    /// The first offset that can be read.
    pub(crate) fn low(&self) -> usize {
        self.low
    }

    /// Deletes what is before an offset.
    pub(crate) fn delete_before(&mut self, offset: usize) {
        self.low = self.low.max(offset.min(self.high));
    }

    /// What consumers see, and what they saw before it was deleted.
    pub(crate) fn visible(&self) -> &[Stored] {
        &self.records[..self.high]
    }

    /// Takes a batch; `None` when the answer must wait for the replicas.
    pub(crate) fn take(
        &mut self,
        request: &Request,
        now: Millis,
        is_replicated: bool,
    ) -> Option<Response> {
        let count = request.records.len();
        let known = self.known.get(&request.producer);
        let batch = match known.and_then(|known| repeated(known, request)) {
            Some(repeated) => repeated,
            None => {
                let expected = known.and_then(|k| k.back()).map(|b| b.first + b.count as u64);
                // Of a producer that it does not know a broker takes any first sequence.
                if expected.is_some_and(|expected| expected != request.first) {
                    return Some(Response::OutOfOrder);
                }
                let batch = Batch { first: request.first, base: self.records.len(), count };
                let timestamp = now + self.clock_ahead;
                let stored = request.records.iter();
                self.records.extend(stored.map(|r| Stored { timestamp, ..r.clone() }));
                let known = self.known.entry(request.producer).or_default();
                if known.len() == BATCHES_KNOWN {
                    known.pop_front();
                }
                known.push_back(batch);
                batch
            }
        };
        if is_replicated {
            self.high = self.records.len();
        }
        if batch.end() <= self.high {
            return Some(Response::Appended(batch.base));
        }
        self.waiting.push((batch, request.producer));
        None
    }

    /// True while the leader alone has some records.
    pub(crate) fn is_ahead_of_replicas(&self) -> bool {
        self.high < self.records.len()
    }

    /// Appends a record of somebody who waits for the replicas.
    pub(crate) fn append(&mut self, stored: Stored) {
        self.records.push(stored);
        self.high = self.records.len();
    }

    /// The replicas have caught up.
    pub(crate) fn replicate(&mut self) {
        self.high = self.records.len();
    }

    /// Another broker leads. It has what was replicated, and of the rest what it happens to have.
    /// Gives how many records are gone.
    pub(crate) fn fail_over(&mut self, choose: impl FnOnce(usize) -> usize) -> usize {
        let mut ends = vec![self.high];
        ends.extend(self.waiting.iter().map(|(batch, _)| batch.end()).filter(|e| *e > self.high));
        ends.sort_unstable();
        ends.dedup();
        let end = ends[choose(ends.len())];
        let gone = self.records.split_off(end).len();
        for batches in self.known.values_mut() {
            batches.retain(|batch| batch.end() <= end);
        }
        self.known.retain(|_, batches| !batches.is_empty());
        gone
    }

    /// The broker no longer knows any producer.
    pub(crate) fn forget_producers(&mut self) {
        self.known.clear();
    }

    /// Acknowledged records are gone: what no replication protects from.
    pub(crate) fn lose_tail(&mut self, count: usize) -> Vec<Stored> {
        self.high = self.high.saturating_sub(count);
        self.known.clear();
        self.records.split_off(self.high)
    }

    /// The answers that are due now: replicated batches, and those that were lost.
    pub(crate) fn answers(&mut self) -> Vec<(ProducerId, u64, Response)> {
        let (high, end) = (self.high, self.records.len());
        let mut due = Vec::new();
        self.waiting.retain(|(batch, producer)| {
            let response = if batch.end() <= high {
                Response::Appended(batch.base)
            } else if batch.end() > end {
                Response::NotNow
            } else {
                return true;
            };
            due.push((*producer, batch.first, response));
            false
        });
        due
    }
}

fn repeated(known: &VecDeque<Batch>, request: &Request) -> Option<Batch> {
    let count = request.records.len();
    known.iter().find(|b| b.first == request.first && b.count == count).copied()
}
