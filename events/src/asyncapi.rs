//! The event topics as an AsyncAPI 3.0 document, made from the schemas and the table of topics.
//!
//! `docs/asyncapi.json` is [`text`], and `spillway schemas asyncapi` prints it.

use serde_json::{Map, Value, json};

use crate::{Event, Kind, Topic, header, profile::Profile};

/// The version of the Kafka bindings that are used here.
const BINDINGS: &str = "0.5.0";
/// How AsyncAPI names Avro schemas in JSON.
const AVRO: &str = "application/vnd.apache.avro+json;version=1.9.0";

/// The document's text, with a line feed at its end.
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// The document.
pub fn document() -> Value {
    let message = |full_name: &&str| (short(full_name).to_owned(), message(full_name));
    let messages: Map<String, Value> = Event::FULL_NAMES.iter().map(message).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Spillway events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Facts about orders and products, for downstream teams. Records may be \
                repeated, never changed: de-duplicate by the header `linkseq`, as docs/events.md \
                says. Commands, outcomes and replies are internal and not described here.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": header::AVRO,
        "servers": { "local": local() },
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages,
            "schemas": { "EventHeaders": headers() },
        },
    })
}

/// What `spillway dev` starts.
fn local() -> Value {
    json!({
        "host": "127.0.0.1:29092",
        "protocol": "kafka",
        "description": "The local stack.",
        "bindings": { "kafka": {
            "schemaRegistryUrl": "http://127.0.0.1:28081/apis/ccompat/v7",
            "schemaRegistryVendor": "confluent",
            "bindingVersion": BINDINGS,
        } },
    })
}

fn channels() -> Map<String, Value> {
    Kind::ALL.into_iter().map(|kind| (channel_name(kind), channel(kind))).collect()
}

fn channel(kind: Kind) -> Value {
    let topic = Topic::Events(kind);
    let about = kind.about_events();
    let messages: Map<String, Value> = names_of(kind)
        .map(|name| (name.to_owned(), reference(&format!("/components/messages/{name}"))))
        .collect();
    let setting = |name| {
        let settings = Profile::LOCAL.settings(topic);
        let value = settings.into_iter().find(|(n, _)| *n == name).map(|(_, value)| value);
        value.and_then(|value| value.parse::<i64>().ok())
    };
    json!({
        "address": topic.name(),
        "title": topic.name(),
        "description": format!(
            "{about} Each partition has one source shard. Partitions are chosen by murmur2 of the \
             key; their number depends on the deployment profile (here: {}) and never changes in \
             place. Kept for ever.",
            Profile::LOCAL.name,
        ),
        "messages": messages,
        "bindings": { "kafka": {
            "topic": topic.name(),
            "partitions": Profile::LOCAL.partitions(topic),
            "replicas": Profile::LOCAL.replication,
            "topicConfiguration": {
                "cleanup.policy": ["delete"],
                "retention.ms": setting("retention.ms"),
                "retention.bytes": setting("retention.bytes"),
                "max.message.bytes": setting("max.message.bytes"),
            },
            "bindingVersion": BINDINGS,
        } },
    })
}

/// Spillway sends, everybody else receives.
fn operations() -> Map<String, Value> {
    let operation = |kind| {
        let channel = channel_name(kind);
        let topic = Topic::Events(kind);
        let messages: Vec<Value> = names_of(kind)
            .map(|name| reference(&format!("/channels/{channel}/messages/{name}")))
            .collect();
        let body = json!({
            "action": "send",
            "channel": reference(&format!("/channels/{channel}")),
            "summary": format!("Spillway writes {topic}; no other program may."),
            "messages": messages,
        });
        (format!("send{}{}", channel[..1].to_uppercase(), &channel[1..]), body)
    };
    Kind::ALL.into_iter().map(operation).collect()
}

fn message(full_name: &str) -> Value {
    let name = short(full_name);
    // Every event has a schema, whose first field is the key of its records: tests prove both.
    let schema = Event::schema_of(full_name).and_then(|text| serde_json::from_str(text).ok());
    let schema: Value = schema.unwrap_or_default();
    let key = schema["fields"][0]["name"].as_str().unwrap_or_default();
    json!({
        "name": full_name,
        "title": name,
        "summary": schema["doc"],
        "contentType": header::AVRO,
        "headers": reference("/components/schemas/EventHeaders"),
        "bindings": { "kafka": {
            "key": { "type": "string", "description": format!("The field {key}.") },
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicRecordNameStrategy",
            "bindingVersion": BINDINGS,
        } },
        "payload": { "schemaFormat": AVRO, "schema": schema },
    })
}

/// The table of headers of docs/events.md.
fn headers() -> Value {
    let text = |about: &str, example: &str| json!({ "type": "string", "description": about, "examples": [example] });
    let properties = json!({
        header::ORIGIN: text(
            "Source shard, incarnation, command offset, index of the output.",
            "orders/3:0:1234:2",
        ),
        header::LINK_SEQUENCE: text(
            "Dense counter per source shard and partition, in decimal: de-duplicate by this.",
            "817",
        ),
        header::PART: text("The second of five records of one step to this partition.", "2/5"),
        header::CHAIN: text(
            "The shard's running hash after the step; a repeat with another chain is an alarm.",
            "0123456789abcdef0123456789abcdef",
        ),
        header::VERSION: text(
            "Version of the aggregate after the event, without gaps; absent for \
             ReservationRefused.",
            "4",
        ),
        header::COMMAND: text(
            "The client command that it stems from; absent for expiry by time.",
            "6f1a0b8e-4b0a-5c5e-9d51-3a5b4f6e7d80",
        ),
        header::CE_SPECVERSION: { "type": "string", "const": "1.0" },
        header::CE_ID: text("The origin.", "orders/3:0:1234:2"),
        header::CE_SOURCE: text("The source shard.", "/spillway/orders/3"),
        header::CE_SUBJECT: text("The key.", "o-1"),
        header::CE_TYPE: text("The record's full name.", "spillway.events.OrderPlaced"),
        header::CE_TIME: text("Log time.", "2026-11-27T08:00:00.000Z"),
        header::CONTENT_TYPE: { "type": "string", "const": header::AVRO },
        header::TRACEPARENT: text(
            "W3C trace context; absent when the command had none.",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    });
    json!({
        "type": "object",
        "description": "Values are UTF-8 text; the attributes of CloudEvents 1.0 in binary mode.",
        "required": [
            header::ORIGIN, header::LINK_SEQUENCE, header::PART, header::CHAIN,
            header::CE_SPECVERSION, header::CE_ID, header::CE_SOURCE, header::CE_SUBJECT,
            header::CE_TYPE, header::CE_TIME, header::CONTENT_TYPE,
        ],
        "properties": properties,
    })
}

fn names_of(kind: Kind) -> impl Iterator<Item = &'static str> {
    Event::NAMES.iter().copied().filter(move |name| Event::kind_of(name) == Some(kind))
}

fn channel_name(kind: Kind) -> String {
    format!("{kind}Events")
}

fn reference(pointer: &str) -> Value {
    json!({ "$ref": format!("#{pointer}") })
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}
