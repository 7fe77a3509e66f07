//! Whether anybody waits for checkpoints to move; nobody does most of the time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// A count of those who wait, and a call that wakes the keeper. Clones share both.
#[derive(Debug, Clone, Default)]
pub(super) struct Demand(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    begun: Notify,
}

/// One who waits, until dropped.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Shared>);

impl Demand {
    /// Counts the caller in and asks for a fresh reading. Should the keeper be in the middle of one,
    /// the call is kept and answered by another: that reading may have begun too early.
    pub(super) fn enter(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        self.0.begun.notify_one();
        Waiting(self.0.clone())
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Returns once somebody has begun to wait since the last call.
    pub(super) async fn begun(&self) {
        self.0.begun.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
