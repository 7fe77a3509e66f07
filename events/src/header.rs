//! Record headers: their names, and how they are read. All values are UTF-8 text.

use crate::{Origin, ShardId, position::Mark};

/// UUID of the client command that a record is, or stems from.
pub const COMMAND: &str = "command";
/// Who asked; `anonymous` until authentication exists.
pub const CALLER: &str = "caller";
/// When this copy of a client command was stamped, in milliseconds of log time.
pub const ISSUED_AT: &str = "issued-at";
/// Return address: partition of the replies topic, a colon, 32 hex digits of correlation.
pub const REPLY_TO: &str = "reply-to";
/// The version that the aggregate must have, from `If-Match`.
pub const IF_MATCH: &str = "if-match";
/// Identity of an output, as [`Origin`] writes it.
pub const ORIGIN: &str = "origin";
/// Dense counter per (source shard, target partition), from 1.
pub const LINK_SEQUENCE: &str = "linkseq";
/// `2/5`: the second of five outputs of one step to this partition.
pub const PART: &str = "part";
/// The shard's running hash after the step, 32 hex digits.
pub const CHAIN: &str = "chain";
/// Version of the aggregate after the event.
pub const VERSION: &str = "version";
/// Rules revision that was active where a follow-up was written.
pub const RULES: &str = "rules";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

pub const CE_SPECVERSION: &str = "ce_specversion";
pub const CE_ID: &str = "ce_id";
pub const CE_SOURCE: &str = "ce_source";
pub const CE_SUBJECT: &str = "ce_subject";
pub const CE_TYPE: &str = "ce_type";
/// Log time as RFC 3339 with milliseconds in UTC.
pub const CE_TIME: &str = "ce_time";
pub const CONTENT_TYPE: &str = "content-type";

/// Content type of event bodies in the Confluent wire format.
pub const AVRO: &str = "application/vnd.apache.avro+binary";

/// Owned headers, in the order in which they are written.
pub type Headers = Vec<(&'static str, String)>;

/// Borrowed headers of a record that was read. The first header of a name counts.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(pub &'a [(&'a str, &'a [u8])]);

impl<'a> View<'a> {
    /// The text of a header; `None` when it is absent or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(n, _)| *n == name)?;
        std::str::from_utf8(value).ok()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub fn is_present(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| *n == name)
    }

    pub fn origin(&self) -> Option<Origin> {
        self.text(ORIGIN)?.parse().ok()
    }

    /// The source shard and the mark of an output.
    pub fn link(&self) -> Option<(ShardId, Mark)> {
        let origin = self.origin()?;
        let link_sequence = self.number(LINK_SEQUENCE)?;
        Some((origin.shard, Mark { incarnation: origin.incarnation, link_sequence }))
    }

    /// `part` as (n, of), both from 1.
    pub fn part(&self) -> Option<(u32, u32)> {
        let (n, of) = self.text(PART)?.split_once('/')?;
        let (n, of) = (n.parse().ok()?, of.parse().ok()?);
        (1 <= n && n <= of).then_some((n, of))
    }

    pub fn return_address(&self) -> Option<ReturnAddress> {
        self.text(REPLY_TO)?.parse().ok()
    }
}

/// Where the reply to a client record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReturnAddress {
    /// Partition of the replies topic.
    pub partition: i32,
    /// The edge's instance nonce and counter.
    pub correlation: u128,
}

impl std::fmt::Display for ReturnAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{:032x}", self.partition, self.correlation)
    }
}

impl std::str::FromStr for ReturnAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (partition, correlation) = text.split_once(':').ok_or(())?;
        let partition = partition.parse().map_err(|_| ())?;
        let is_hex = correlation.len() == 32
            && correlation.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if partition < 0 || !is_hex {
            return Err(());
        }
        let correlation = u128::from_str_radix(correlation, 16).map_err(|_| ())?;
        Ok(Self { partition, correlation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_by_meaning_and_garbage_is_absent() {
        let headers: [(&str, &[u8]); 5] = [
            (ORIGIN, b"orders/3:0:12:1"),
            (LINK_SEQUENCE, b"7"),
            (PART, b"2/5"),
            (CALLER, b"\xff"),
            (REPLY_TO, b"1:000102030405060708090a0b0c0d0e0f"),
        ];
        let view = View(&headers);
        let (shard, mark) = view.link().expect("a link");
        assert_eq!((shard.to_string(), mark.link_sequence), ("orders/3".to_owned(), 7));
        assert_eq!(view.part(), Some((2, 5)));
        assert_eq!(view.text(CALLER), None);
        let address = view.return_address().expect("an address");
        assert_eq!(address.to_string(), "1:000102030405060708090a0b0c0d0e0f");
    }
}
