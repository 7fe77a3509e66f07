//! The library's callbacks about assignment, turned into changes that the next poll hands out.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};

use crate::{Partition, consumer::partitions_of, context::note_error, metrics::COMMIT_FAILURES};

/// A change of what is ours.
pub(super) enum Change {
    Assigned(Vec<Partition>),
    Revoked { partitions: Vec<Partition>, is_lost: bool },
    Failed(KafkaError),
}

/// Callbacks of a member. They run inside its own polls, so the lock is never contended.
pub(super) struct Rebalancing {
    changes: Mutex<VecDeque<Change>>,
    is_closing: Arc<AtomicBool>,
}

/// Says that the member is going: from then on the callbacks answer for the owner, who no longer
/// polls. Set at the latest when it is dropped.
pub(super) struct ClosingFlag(Arc<AtomicBool>);

impl ClosingFlag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for ClosingFlag {
    fn drop(&mut self) {
        self.set();
    }
}

impl Rebalancing {
    pub(super) fn new() -> (Self, ClosingFlag) {
        let is_closing = Arc::new(AtomicBool::new(false));
        let rebalancing = Self { changes: Mutex::default(), is_closing: Arc::clone(&is_closing) };
        (rebalancing, ClosingFlag(is_closing))
    }

    pub(super) fn take_change(&self) -> Option<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn push(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, partitions: Vec<Partition>) {
        // Accepted with nothing to read yet, so that the group goes on; `Member::start` adds each
        // partition with its offset.
        match consumer.incremental_assign(&TopicPartitionList::new()) {
            Ok(()) => self.push(Change::Assigned(partitions)),
            Err(error) => self.push(Change::Failed(error)),
        }
    }
}

impl ClientContext for Rebalancing {
    fn error(&self, error: KafkaError, reason: &str) {
        note_error("member", &error, reason);
    }
}

impl ConsumerContext for Rebalancing {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        if self.is_closing.load(Ordering::Relaxed) {
            // A closing consumer takes any answer as "give everything back".
            if let Err(error) = consumer.incremental_unassign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "a leaving group member could not give its partitions back");
            }
            return;
        }
        let partitions = partitions_of(list);
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(consumer, partitions);
        } else {
            // The library waits for the answer, which `Member::release` gives.
            self.push(Change::Revoked { partitions, is_lost: consumer.assignment_lost() });
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            metrics::counter!(COMMIT_FAILURES).increment(1);
            tracing::warn!(%error, "an offset commit failed; the next owner may repeat some outputs");
        }
    }
}
