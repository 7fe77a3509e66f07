//! What one lane has before it: counted by the runner that gives and by the lane that takes.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
};

use eventlog::{Record, Timestamp};

use super::lag::size;

/// Records that were given to a lane and not taken in, and how far the lane is.
#[derive(Debug, Clone, Default)]
pub(super) struct Backlog(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    records: AtomicUsize,
    bytes: AtomicUsize,
    /// The offset after the last record that was applied or passed over.
    next_offset: AtomicI64,
    /// Log time of the oldest record that is not applied, in milliseconds; 0 when there is none.
    oldest_ms: AtomicI64,
    /// Log time of the last record taken in.
    taken_ms: AtomicI64,
}

impl Backlog {
    pub(super) fn begin(&self, offset: i64) {
        self.0.next_offset.store(offset, Relaxed);
    }

    /// The runner gives a record.
    pub(super) fn given(&self, record: &Record) {
        self.0.records.fetch_add(1, Relaxed);
        self.0.bytes.fetch_add(size(record), Relaxed);
        let _ = self.0.oldest_ms.compare_exchange(0, time_of(record), Relaxed, Relaxed);
    }

    /// The lane takes it in.
    pub(super) fn taken(&self, record: &Record) {
        self.0.records.fetch_sub(1, Relaxed);
        self.0.bytes.fetch_sub(size(record), Relaxed);
        self.0.taken_ms.store(time_of(record), Relaxed);
    }

    /// Everything that was taken in is applied.
    pub(super) fn applied(&self, next_offset: i64) {
        self.0.next_offset.store(next_offset, Relaxed);
        // What is left is hardly younger than what was taken last.
        let is_empty = self.0.records.load(Relaxed) == 0;
        let oldest = if is_empty { 0 } else { self.0.taken_ms.load(Relaxed) };
        self.0.oldest_ms.store(oldest, Relaxed);
    }

    pub(super) fn is_above(&self, records: usize, bytes: usize) -> bool {
        self.0.records.load(Relaxed) > records || self.0.bytes.load(Relaxed) > bytes
    }

    pub(super) fn next_offset(&self) -> i64 {
        self.0.next_offset.load(Relaxed)
    }

    /// Log time of the oldest record that waits, in milliseconds.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        Some(self.0.oldest_ms.load(Relaxed)).filter(|ms| *ms > 0)
    }
}

fn time_of(record: &Record) -> i64 {
    match record.timestamp {
        Timestamp::LogAppend(ms) | Timestamp::Create(ms) => ms,
        Timestamp::None => 0,
    }
}
