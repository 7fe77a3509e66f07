//! The side of the requests: wait until a projection has passed, or has moved.

use std::sync::Arc;

use events::Position;
use tokio::{sync::watch, time::Instant};

use super::{Known, demand::Demand};
use crate::read::checkpoint::{Marks, Projection};

/// A handle to what the keeper knows; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracker {
    known: watch::Receiver<Known>,
    demand: Demand,
}

/// Why the wait ended without the position being passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPassed {
    /// The projection is still behind these positions.
    #[error("the read model has not come so far yet")]
    Behind(Vec<Position>),
    /// PostgreSQL cannot be asked how far the projection is.
    #[error("PostgreSQL cannot be reached")]
    Unreachable,
}

impl Tracker {
    pub(super) fn new(known: watch::Receiver<Known>, demand: Demand) -> Self {
        Self { known, demand }
    }

    /// Waits until the projection has passed every position that concerns it, or until the deadline.
    pub async fn passed(
        &self,
        projection: Projection,
        positions: &[Position],
        deadline: Instant,
    ) -> Result<(), NotPassed> {
        let behind = |known: &Known| -> Vec<Position> {
            let behind = positions.iter().filter(|p| !known.marks.passed(projection, p));
            behind.cloned().collect()
        };
        if behind(&self.known.borrow()).is_empty() {
            return Ok(());
        }
        let mut known = self.known.clone();
        let _waiting = self.demand.enter();
        let wait = known.wait_for(|known| behind(known).is_empty());
        // Both a passed deadline and a stopped keeper leave the question open.
        if let Ok(Ok(_)) = tokio::time::timeout_at(deadline, wait).await {
            return Ok(());
        }
        let last = self.known.borrow();
        if last.reachable {
            Err(NotPassed::Behind(behind(&last)))
        } else {
            Err(NotPassed::Unreachable)
        }
    }

    /// The marks of a projection as last read, to be given to [`Tracker::moved`] later.
    pub fn marks(&self, projection: Projection) -> Marks {
        self.known.borrow().marks.all_of(projection)
    }

    /// Whether the server answers, and the projection has passed the positions and the floor there as
    /// far as is known now, without waiting.
    pub fn has_passed(
        &self,
        projection: Projection,
        positions: &[Position],
        floor: &Marks,
    ) -> bool {
        let known = self.known.borrow();
        known.reachable
            && positions.iter().all(|position| known.marks.passed(projection, position))
            && known.marks.reached(projection, floor)
    }

    /// All marks as last read.
    pub fn all_marks(&self) -> Arc<Marks> {
        self.known.borrow().marks.clone()
    }

    /// How many keys of the projection wait behind dead letters, as last read.
    pub fn parked(&self, projection: Projection) -> u64 {
        self.known.borrow().parked.of(projection)
    }

    /// Waits until the projection has moved from `since` in a partition that the positions name, or
    /// in any if they name none. Answers whether it has before the deadline.
    pub async fn moved(
        &self,
        projection: Projection,
        positions: &[Position],
        since: &Marks,
        deadline: Instant,
    ) -> bool {
        let mut known = self.known.clone();
        let _waiting = self.demand.enter();
        let wait = known.wait_for(|known| {
            if positions.is_empty() {
                known.marks.all_of(projection) != *since
            } else {
                positions.iter().any(|p| known.marks.of(projection, p) != since.of(projection, p))
            }
        });
        matches!(tokio::time::timeout_at(deadline, wait).await, Ok(Ok(_)))
    }
}
