//! The spans of sampled commands: one for each step, and one for each record that it wrote.
//!
//! ```text
//! request (edge) -> process orders.commands.v1 -> send products.commands.v1 -> process … -> send …
//! ```
//!
//! A command's `traceparent` names the span that sent it. What a step writes names the spans that send
//! it; their parent is the step's span, whose id follows from the command's place in the log, so that
//! sender and stepper need not know of each other.

use std::time::SystemTime;

use eventlog::Record;
use events::{Origin, ShardId, header};
use service::trace::{
    Parent,
    messaging::{self, Message, processed},
};
use shard::Output;

/// A sampled command that is being stepped.
#[derive(Debug)]
pub(super) struct Step {
    sent_by: Parent,
    began: SystemTime,
}

impl Step {
    /// `None` unless its trace is sampled and exported.
    pub(super) fn begin(record: &Record) -> Option<Self> {
        let sent_by = messaging::traced(record.header(header::TRACEPARENT)?)?;
        Some(Self { sent_by, began: SystemTime::now() })
    }

    /// Records a step that wrote something. A silent one is recorded by whoever does it live.
    pub(super) fn end(&self, shard: ShardId, record: &Record) {
        let message = Message {
            topic: &record.partition.topic,
            partition: record.partition.number,
            offset: Some(record.offset),
            key: record.key(),
        };
        let by = ("spillway.shard", shard.to_string());
        processed(&self.sent_by, &message, Some(id(shard, record.offset)), self.began, by);
    }
}

/// A record of a sampled trace that is being sent.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    output: &'a Output,
    context: Parent,
    began: SystemTime,
}

impl<'a> Sending<'a> {
    /// `None` unless its trace is sampled and exported.
    pub(super) fn begin(output: &'a Output) -> Option<Self> {
        // A shard writes the trace context last.
        let (name, value) = output.headers.last()?;
        if *name != header::TRACEPARENT {
            return None;
        }
        let context = messaging::traced(value.as_bytes())?;
        Some(Self { output, context, began: SystemTime::now() })
    }

    /// Records the sending of a record that the producer has taken.
    pub(super) fn end(self) {
        let headers = self.output.headers.iter();
        let origin = headers.clone().find(|(name, _)| *name == header::ORIGIN);
        let Some(origin) = origin.and_then(|(_, text)| text.parse::<Origin>().ok()) else { return };
        let message = Message {
            topic: self.output.topic.name(),
            partition: self.output.partition,
            offset: None,
            key: self.output.key.as_deref().map(str::as_bytes),
        };
        messaging::sent(&self.context, id(origin.shard, origin.offset), &message, self.began);
    }
}

/// The id of a step's span.
fn id(shard: ShardId, offset: i64) -> u64 {
    let hash = blake3::hash(format!("{shard}@{offset}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Kind;

    #[test]
    fn steps_at_different_places_have_different_ids() {
        let shard = ShardId::new(Kind::Orders, 1);
        assert_eq!(id(shard, 7), id(shard, 7));
        assert_ne!(id(shard, 7), id(shard, 8));
        assert_ne!(id(shard, 7), id(ShardId::new(Kind::Products, 1), 7));
    }
}
