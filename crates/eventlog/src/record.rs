//! A record that was read, owned, in three allocations whatever the number of its headers.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use events::Millis;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};

use crate::Partition;

/// Stands for a header name that is not UTF-8; every reader sees the same stand-in.
const UNREADABLE_NAME: &str = "\u{fffd}";

/// When a record was written, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    /// The broker's clock at the append, in milliseconds since the Unix epoch.
    LogAppend(Millis),
    /// The writer's clock; such a topic has the wrong setting.
    Create(Millis),
    /// Absent.
    None,
}

impl Timestamp {
    /// Log time, if the record carries it.
    pub fn log_append(self) -> Option<Millis> {
        match self {
            Timestamp::LogAppend(ms) => Some(ms),
            Timestamp::Create(_) | Timestamp::None => None,
        }
    }
}

impl From<rdkafka::Timestamp> for Timestamp {
    fn from(timestamp: rdkafka::Timestamp) -> Self {
        match timestamp {
            rdkafka::Timestamp::LogAppendTime(ms) => Timestamp::LogAppend(ms),
            rdkafka::Timestamp::CreateTime(ms) => Timestamp::Create(ms),
            rdkafka::Timestamp::NotAvailable => Timestamp::None,
        }
    }
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: Partition,
    pub offset: i64,
    pub timestamp: Timestamp,
    /// Key, value and header values, one after the other.
    bytes: Vec<u8>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    /// Header names, one after the other.
    names: String,
    headers: Vec<Header>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: Range<usize>,
    value: Range<usize>,
}

impl Record {
    /// A record made of its parts.
    pub fn new<'a>(
        partition: Partition,
        offset: i64,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let mut record = Self {
            partition,
            offset,
            timestamp,
            bytes: Vec::new(),
            key: None,
            value: None,
            names: String::new(),
            headers: Vec::new(),
        };
        record.key = key.map(|key| record.keep(key));
        record.value = value.map(|value| record.keep(value));
        for (name, value) in headers {
            record.keep_header(name, value);
        }
        record
    }

    pub(crate) fn read(partition: Partition, message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers();
        let count = headers.map_or(0, Headers::count);
        let mut record = Self {
            partition,
            offset: message.offset(),
            timestamp: message.timestamp().into(),
            // Room for headers of the usual size, so that the buffer rarely grows.
            bytes: Vec::with_capacity(message.key_len() + message.payload_len() + 40 * count),
            key: None,
            value: None,
            names: String::with_capacity(12 * count),
            headers: Vec::with_capacity(count),
        };
        record.key = message.key().map(|key| record.keep(key));
        record.value = message.payload().map(|value| record.keep(value));
        if let Some(headers) = headers {
            for index in 0..count {
                record.keep_native_header(headers, index);
            }
        }
        record
    }

    pub fn key(&self) -> Option<&[u8]> {
        self.key.clone().map(|range| &self.bytes[range])
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.value.clone().map(|range| &self.bytes[range])
    }

    /// All headers in the order in which they were written, as `events::header::View` takes them. A
    /// header without a value reads as empty.
    pub fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers
            .iter()
            .map(|header| (&self.names[header.name.clone()], &self.bytes[header.value.clone()]))
            .collect()
    }

    /// The value of the first header of that name, without collecting the others.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|header| &self.names[header.name.clone()] == name)
            .map(|header| &self.bytes[header.value.clone()])
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn keep_header(&mut self, name: &str, value: &[u8]) {
        let start = self.names.len();
        self.names.push_str(name);
        let name = start..self.names.len();
        let value = self.keep(value);
        self.headers.push(Header { name, value });
    }

    fn keep_native_header(&mut self, headers: &BorrowedHeaders, index: usize) {
        // The client library panics on a name that is not UTF-8. A foreign record must not stop a
        // shard, and all owners must see the same, so such a name gets a fixed stand-in.
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
        match header {
            Ok(Some(header)) => self.keep_header(header.key, header.value.unwrap_or_default()),
            Ok(None) => {}
            Err(_) => self.keep_header(UNREADABLE_NAME, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_its_parts() {
        let headers: [(&str, &[u8]); 3] = [("origin", b"o"), ("part", b"1/1"), ("origin", b"p")];
        let record = Record::new(
            Partition::new("t", 1),
            7,
            Timestamp::LogAppend(5),
            Some(b"key"),
            None,
            headers,
        );
        assert_eq!(record.key(), Some(&b"key"[..]));
        assert_eq!(record.value(), None);
        assert_eq!(record.headers(), headers);
        assert_eq!(record.header("origin"), Some(&b"o"[..]));
        assert_eq!(record.header("absent"), None);
        assert_eq!(record.timestamp.log_append(), Some(5));
        assert_eq!(Timestamp::Create(5).log_append(), None);
    }
}
