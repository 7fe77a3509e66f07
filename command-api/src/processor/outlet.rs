//! The way out: two producers, and the registry's prefix in front of every event.
//!
//! The library makes a request for each partition that has something to send, and one request at a
//! time is in flight (PROTOCOL 1), so a partition waits until all others have had their turn. What
//! somebody waits for, follow-ups and replies, therefore has a producer of its own. Events and
//! outcomes have another, where they gather for a moment, which spares brokers and readers most of
//! their requests. A topic always takes the same way, so each link has one producer, and in each
//! partition records lie in the order of their origins. Both are doubted and replaced together.

use std::time::Duration;

use eventlog::{
    Connection, Outgoing, Producer, Report, Reports, SchemaIds, SendError, StartError,
    producer::Options,
};
use events::{Topic, codec::Confluent};
use shard::{
    Output,
    processor::{Processor, Tag},
};

use super::trace::Sending;

/// How long an event or an outcome waits for others of its partition.
const GATHER: Duration = Duration::from_millis(10);

/// The producers of all outputs, and their reports.
pub(super) struct Outlet {
    /// For commands and replies.
    awaited: Way,
    /// For everything else.
    gathered: Way,
    schema_ids: SchemaIds,
}

/// A producer, and its reports.
struct Way {
    producer: Producer,
    reports: Reports,
}

impl Way {
    fn open(connection: &Connection, options: &Options) -> Result<Self, StartError> {
        let (producer, reports) = Producer::start(connection, options)?;
        Ok(Self { producer, reports })
    }

    fn take_reports(&self, processor: &mut Processor) -> Result<(), Trouble> {
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
        let awaited = Options::outputs(client_id);
        let gathered = Options { linger: GATHER, ..awaited.clone() };
        let awaited = Way::open(connection, &awaited)?;
        Ok(Self { awaited, gathered: Way::open(connection, &gathered)?, schema_ids })
    }

    /// Sends what the producers take, the oldest first, then passes their reports on.
    pub(super) fn work(&self, processor: &mut Processor) -> Result<(), Trouble> {
        while let Some((output, tag)) = processor.front() {
            let sending = Sending::begin(output);
            match self.send(output, tag) {
                Ok(()) => {
                    if let Some(sending) = sending {
                        sending.end();
                    }
                    processor.sent();
                }
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
        self.awaited.take_reports(processor)?;
        self.gathered.take_reports(processor)
    }

    fn way(&self, topic: Topic) -> &Way {
        match topic {
            Topic::Commands(_) | Topic::Replies => &self.awaited,
            Topic::Events(_) | Topic::Outcomes(_) | Topic::CommandDeadLetters => &self.gathered,
        }
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
        self.way(output.topic).producer.send(&Outgoing {
            topic: output.topic.name(),
            partition: output.partition,
            key: output.key.as_deref().map(str::as_bytes),
            value,
            headers: &output.headers,
            tag,
        })
    }
}
