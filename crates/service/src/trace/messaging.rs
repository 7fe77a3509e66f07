//! Spans of records that are sent and processed. The OpenTelemetry messaging semantic conventions are
//! pinned here: names live nowhere else.

use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::{Parent, past};

/// A record of a Kafka topic.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset; unknown to the one who sends it.
    pub offset: Option<i64>,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
}

/// The context that a `traceparent` header carries, if a span of it would be exported: the trace is
/// sampled, and this process exports.
#[must_use]
pub fn traced(traceparent: &[u8]) -> Option<Parent> {
    // Most records are of no sampled trace, and most processes export nothing: both are told at once.
    let may_be_sampled = matches!(traceparent.last(), Some(b'1' | b'3'));
    if !may_be_sampled || !past::is_exported() {
        return None;
    }
    let parent = Parent::parse(std::str::from_utf8(traceparent).ok()?)?;
    parent.is_sampled().then_some(parent)
}

/// Records that a record was processed from `began` to now, for the span that sent it. `id` is the id
/// that what came of it names as its parent; `by` says who processed it.
pub fn processed(
    sent_by: &Parent,
    message: &Message<'_>,
    id: Option<u64>,
    began: SystemTime,
    by: (&'static str, String),
) {
    let mut attributes = attributes("process", message);
    attributes.push(KeyValue::new(by.0, by.1));
    let name = format!("process {}", message.topic);
    past::record(sent_by, past::Past { name, kind: SpanKind::Consumer, id, began, attributes });
}

/// Records that a record was handed to the Kafka client, at `began`: the span that its `traceparent`
/// names, a child of `cause`.
pub fn sent(header: &Parent, cause: u64, message: &Message<'_>, began: SystemTime) {
    let past = past::Past {
        name: format!("send {}", message.topic),
        kind: SpanKind::Producer,
        id: Some(header.span_id()),
        began,
        attributes: attributes("send", message),
    };
    past::record(&header.with_span(cause), past);
}

fn attributes(operation: &'static str, message: &Message<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.system", "kafka"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.destination.name", message.topic.to_owned()),
        KeyValue::new("messaging.destination.partition.id", message.partition.to_string()),
    ];
    if let Some(offset) = message.offset {
        attributes.push(KeyValue::new("messaging.kafka.offset", offset));
    }
    if let Some(key) = message.key {
        let key = String::from_utf8_lossy(key).into_owned();
        attributes.push(KeyValue::new("messaging.kafka.message.key", key));
    }
    attributes
}
