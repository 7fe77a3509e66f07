//! Turns the library's callbacks into reports.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use rdkafka::{
    ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    producer::{DeliveryResult, ProducerContext},
};

use super::{clock::Clock, doubt::LastOffsets, report::Report, shared::Shared};
use crate::{Timestamp, context::note_error, metrics::DOUBTS};

/// Reports without a record: one that it failed, one that all of it stalled, one that a partition did.
const OWN_REPORTS_MAX: usize = 3;

/// The producer's callbacks; all run on the poll thread.
pub(super) struct Deliveries {
    sender: Sender<Report>,
    shared: Arc<Shared>,
    /// Only the poll thread takes these locks; the library demands a shareable context.
    last_offsets: Mutex<LastOffsets>,
    clock: Mutex<Clock>,
}

impl Deliveries {
    /// A channel with room for every report that can be outstanding, so that no send can fail.
    pub(super) fn new(shared: Arc<Shared>) -> (Self, Receiver<Report>) {
        let (sender, receiver) = bounded(shared.outstanding_max() + OWN_REPORTS_MAX);
        let (last_offsets, clock) = (Mutex::default(), Mutex::default());
        let deliveries = Self { sender, shared, last_offsets, clock };
        (deliveries, receiver)
    }

    /// Reports once that the producer has failed for good.
    pub(super) fn fail(&self, reason: &str) {
        if self.shared.fail() {
            self.report(Report::Fatal { reason: reason.to_owned() });
        }
    }

    /// Passes a report on, unless the owner gave the producer up: then nobody asks any more.
    pub(super) fn report(&self, report: Report) {
        if self.shared.is_abandoned() {
            return;
        }
        if let Some(reason) = doubt_label(&report) {
            metrics::counter!(DOUBTS, "reason" => reason).increment(1);
        }
        // There is room; an error only means that the owner has dropped its end.
        let _ = self.sender.try_send(report);
    }

    fn judge(&self, tag: usize, message: &BorrowedMessage<'_>) -> Report {
        let timestamp = message.timestamp().into();
        if let Timestamp::LogAppend(appended) = timestamp {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            clock.note(message.topic(), message.partition(), appended);
        }
        let mut last_offsets = self.last_offsets.lock().unwrap_or_else(PoisonError::into_inner);
        match last_offsets.note(message.topic(), message.partition(), message.offset()) {
            Ok(()) => Report::Delivered { tag, offset: message.offset(), timestamp },
            Err(reason) => Report::Suspect { tag, reason },
        }
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fail(reason);
        } else {
            note_error("producer", &error, reason);
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let (Ok(message) | Err((_, message))) = result;
        self.shared.note_reported(message.topic(), message.partition(), result.is_ok());
        let report = match result {
            Ok(message) => self.judge(tag, message),
            Err((error, message)) => Report::Failed {
                tag,
                reason: format!("{}/{}: {error}", message.topic(), message.partition()),
            },
        };
        self.report(report);
    }
}

fn doubt_label(report: &Report) -> Option<&'static str> {
    match report {
        Report::Delivered { .. } => None,
        Report::Failed { .. } => Some("failed"),
        Report::Suspect { .. } => Some("suspect"),
        Report::Fatal { .. } => Some("fatal"),
        Report::Stalled { .. } => Some("stalled"),
    }
}
