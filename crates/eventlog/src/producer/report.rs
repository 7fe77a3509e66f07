//! Reports: what became of each record, and what became of the producer.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::shared::Shared;
use crate::Timestamp;

/// What became of a record, or of the producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The record lies in the log, on every in-sync replica.
    Delivered {
        tag: usize,
        offset: i64,
        /// As the broker acknowledged it; [`Timestamp::LogAppend`] with the right topic setting.
        timestamp: Timestamp,
    },
    /// Whether the record lies in the log is unknown; it may still appear there.
    Failed { tag: usize, reason: String },
    /// Reported as delivered, but in a way that cannot be true of a record sent in order.
    Suspect { tag: usize, reason: String },
    /// The producer has failed for good; reports for the rest may or may not follow.
    Fatal { reason: String },
    /// Records are outstanding, and no report came for this much polled time, or none of a partition
    /// whose leader answers.
    Stalled { polled: Duration },
}

impl Report {
    /// The record concerned; `None` for a report on the producer.
    pub fn tag(&self) -> Option<usize> {
        match self {
            Report::Delivered { tag, .. }
            | Report::Failed { tag, .. }
            | Report::Suspect { tag, .. } => Some(*tag),
            Report::Fatal { .. } | Report::Stalled { .. } => None,
        }
    }

    /// True when the producer's word about outputs can no longer be trusted (PROTOCOL 3). An edge
    /// may go on after [`Report::Failed`], because each of its records stands alone.
    pub fn is_doubt(&self) -> bool {
        !matches!(self, Report::Delivered { .. })
    }
}

/// The producer was dropped, and all its reports were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the producer was dropped")]
pub struct Ended;

/// The reports of one producer, in the order in which they came.
pub struct Reports {
    receiver: Receiver<Report>,
    shared: Arc<Shared>,
}

impl Reports {
    pub(super) fn new(receiver: Receiver<Report>, shared: Arc<Shared>) -> Self {
        Self { receiver, shared }
    }

    /// The next report if there is one; never waits.
    pub fn take(&self) -> Result<Option<Report>, Ended> {
        match self.receiver.try_recv() {
            Ok(report) => Ok(Some(self.note(report))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Ended),
        }
    }

    /// The next report, for which it waits at most `timeout`.
    pub fn take_within(&self, timeout: Duration) -> Result<Option<Report>, Ended> {
        match self.receiver.recv_timeout(timeout) {
            Ok(report) => Ok(Some(self.note(report))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Ended),
        }
    }

    fn note(&self, report: Report) -> Report {
        if report.tag().is_some() {
            self.shared.note_taken();
        }
        report
    }
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("waiting", &self.receiver.len()).finish_non_exhaustive()
    }
}
