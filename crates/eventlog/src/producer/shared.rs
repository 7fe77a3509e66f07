//! What the sending threads, the poll thread and the owner of the reports know together.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::waiting::Waiting;

/// Counters and flags of one producer. Each is independent of the others, and the channel orders
/// what a report says, so relaxed access is enough.
#[derive(Debug)]
pub(super) struct Shared {
    outstanding_max: usize,
    /// Sent, report not taken by the owner.
    outstanding: AtomicUsize,
    /// Sent, not reported by the library.
    unreported: AtomicUsize,
    /// Reports by the library so far; the poll thread watches it move.
    reported: AtomicUsize,
    waiting: Mutex<Waiting>,
    has_failed: AtomicBool,
    is_abandoned: AtomicBool,
}

impl Shared {
    pub(super) fn new(outstanding_max: usize) -> Self {
        Self {
            outstanding_max,
            outstanding: AtomicUsize::new(0),
            unreported: AtomicUsize::new(0),
            reported: AtomicUsize::new(0),
            waiting: Mutex::default(),
            has_failed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        }
    }

    pub(super) fn outstanding_max(&self) -> usize {
        self.outstanding_max
    }

    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Counts a record in, unless as many as allowed are outstanding.
    pub(super) fn admit(&self) -> bool {
        if self.outstanding.fetch_add(1, Ordering::Relaxed) >= self.outstanding_max {
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.unreported.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A record is about to be sent there.
    pub(super) fn sent(&self, topic: &str, partition: i32) {
        self.waiting().sent(topic, partition);
    }

    /// Takes back an admission that led to nothing.
    pub(super) fn withdraw(&self, topic: &str, partition: i32) {
        self.waiting().withdrawn(topic, partition);
        self.unreported.fetch_sub(1, Ordering::Relaxed);
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    /// The library reported on a record.
    pub(super) fn note_reported(&self, topic: &str, partition: i32, is_acknowledged: bool) {
        self.waiting().reported(topic, partition, is_acknowledged);
        self.unreported.fetch_sub(1, Ordering::Relaxed);
        self.reported.fetch_add(1, Ordering::Relaxed);
    }

    /// The owner took the report of a record.
    pub(super) fn note_taken(&self) {
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn unreported(&self) -> usize {
        self.unreported.load(Ordering::Relaxed)
    }

    pub(super) fn reported(&self) -> usize {
        self.reported.load(Ordering::Relaxed)
    }

    /// The partitions that wait for too long, after one more slice of polling.
    pub(super) fn too_long_waiting(&self, slice: Duration) -> Vec<(String, i32)> {
        self.waiting().observe(slice)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the producer as failed; true for the first caller.
    pub(super) fn fail(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }
}
