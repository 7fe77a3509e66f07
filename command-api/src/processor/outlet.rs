//! The way out: one producer, and the registry's prefix in front of every event.

use eventlog::{
    Connection, Outgoing, Producer, Report, Reports, SchemaIds, SendError, StartError,
    producer::Options,
};
use events::codec::Confluent;
use shard::{
    Output,
    processor::{Processor, Tag},
};

/// The producer of all outputs, and its reports.
pub(super) struct Outlet {
    producer: Producer,
    reports: Reports,
    schema_ids: SchemaIds,
}

/// What sending and reporting brought.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The producer's word can no longer be trusted: restore everything.
    Doubt(String),
    /// The front of the queue can never be sent: its shard halts, the others go on.
    Unsendable(String),
}

impl Outlet {
    pub(super) fn open(
        connection: &Connection,
        client_id: &str,
        schema_ids: SchemaIds,
    ) -> Result<Self, StartError> {
        let (producer, reports) = Producer::start(connection, &Options::outputs(client_id))?;
        Ok(Self { producer, reports, schema_ids })
    }

    /// Sends what the producer takes, the oldest first, then passes its reports on.
    pub(super) fn work(&self, processor: &mut Processor) -> Result<(), Trouble> {
        while let Some((output, tag)) = processor.front() {
            match self.send(output, tag) {
                Ok(()) => processor.sent(),
                Err(SendError::QueueFull) => break,
                Err(SendError::Fatal) => {
                    return Err(Trouble::Doubt("the producer has failed for good".to_owned()));
                }
                Err(error @ (SendError::TooLarge { .. } | SendError::Refused { .. })) => {
                    return Err(Trouble::Unsendable(error.to_string()));
                }
            }
        }
        self.take_reports(processor)
    }

    /// Takes the reports that are there; none is ignored.
    pub(super) fn take_reports(&self, processor: &mut Processor) -> Result<(), Trouble> {
        while let Ok(Some(report)) = self.reports.take() {
            match report {
                Report::Delivered { tag, .. } => processor.acknowledged(tag as Tag),
                Report::Failed { reason, .. }
                | Report::Suspect { reason, .. }
                | Report::Fatal { reason } => return Err(Trouble::Doubt(reason)),
                Report::Stalled { polled } => {
                    let reason = format!("no report came for {} s", polled.as_secs());
                    return Err(Trouble::Doubt(reason));
                }
            }
        }
        Ok(())
    }

    fn send(&self, output: &Output, tag: Tag) -> Result<(), SendError> {
        let refused = |reason: String| SendError::Refused {
            topic: output.topic.name().to_owned(),
            partition: output.partition,
            source: reason.into(),
        };
        let prefixed;
        let value = match output.event {
            None => &output.value,
            Some(name) => {
                let id = self
                    .schema_ids
                    .of(name)
                    .ok_or_else(|| refused(format!("the registry's id of {name} is not known")))?;
                prefixed = Confluent::frame(id, &output.value);
                &prefixed
            }
        };
        let tag = usize::try_from(tag).map_err(|_| refused("tags have run out".to_owned()))?;
        self.producer.send(&Outgoing {
            topic: output.topic.name(),
            partition: output.partition,
            key: output.key.as_deref().map(str::as_bytes),
            value,
            headers: &output.headers,
            tag,
        })
    }
}
