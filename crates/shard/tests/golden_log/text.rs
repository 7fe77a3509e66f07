//! Logs, chains, outputs and states as lines of text, one record a line, made for reading diffs.
//!
//! ```text
//! orders/3 12 append:1795770000000 key=order-1 value=c301… command=… caller=…
//! ```
//! Values are hexadecimal; keys and headers are text, with `%` and everything that is not printable
//! ASCII written as `%` and two hexadecimal digits. `-` stands for an absent key or value.

use std::fmt::Write as _;

use events::ShardId;
use shard::{Output, Timestamp};

use crate::kit::Stored;

/// One record of a golden log.
#[derive(Debug, Clone)]
pub struct Line {
    pub shard: ShardId,
    pub offset: usize,
    pub stored: Stored,
}

pub fn of_record(shard: ShardId, offset: usize, stored: &Stored) -> String {
    let (kind, ms) = match stored.timestamp {
        Timestamp::LogAppend(ms) => ("append", ms),
        Timestamp::Foreign(ms) => ("foreign", ms),
    };
    let key = optional("key", stored.key.as_deref().map(escape));
    let value = optional("value", stored.value.as_deref().map(hex));
    let mut line = format!("{shard} {offset} {kind}:{ms} {key} {value}");
    for (name, value) in &stored.headers {
        push_header(&mut line, name, value);
    }
    line
}

pub fn of_output(offset: usize, shard: ShardId, output: &Output) -> String {
    let key = optional("key", output.key.as_deref().map(|key| escape(key.as_bytes())));
    let (topic, partition) = (output.topic, output.partition);
    let event = output.event.unwrap_or("-");
    let value = hex(&output.value);
    let mut line = format!("{shard} {offset} {topic}/{partition} {event} {key} value={value}");
    for (name, value) in &output.headers {
        push_header(&mut line, name, value.as_bytes());
    }
    line
}

fn push_header(line: &mut String, name: &str, value: &[u8]) {
    write!(line, " {name}={}", escape(value)).expect("writing to memory");
}

fn optional(name: &str, text: Option<String>) -> String {
    text.map_or("-".to_owned(), |text| format!("{name}={text}"))
}

/// Reads what [`of_record`] wrote.
pub fn read_record(line: &str) -> Line {
    let mut fields = line.split(' ');
    let mut next = || fields.next().unwrap_or_else(|| panic!("a field is missing: {line}"));
    let shard = next().parse().expect("a shard");
    let offset = next().parse().expect("an offset");
    let (kind, ms) = next().split_once(':').expect("a timestamp");
    let ms = ms.parse().expect("milliseconds");
    let timestamp = match kind {
        "append" => Timestamp::LogAppend(ms),
        "foreign" => Timestamp::Foreign(ms),
        other => panic!("no timestamp is named {other}"),
    };
    let key = next().strip_prefix("key=").map(unescape);
    let value = next().strip_prefix("value=").map(bytes);
    let headers = fields
        .map(|header| header.split_once('=').expect("a header"))
        .map(|(name, value)| (name.to_owned(), unescape(value)))
        .collect();
    Line { shard, offset, stored: Stored { timestamp, key, value, headers } }
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => write!(text, "%{byte:02x}").expect("writing to memory"),
        }
        text
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut unescaped = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        unescaped.extend(bytes(digits));
        unescaped.extend(rest.as_bytes());
    }
    unescaped
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal digits.
pub fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2) && hex.is_ascii(), "an odd number of digits");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}
