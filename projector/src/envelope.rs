//! A record's place in the output of its source shard, as its headers say it.

use eventlog::Partition;
use events::{
    ShardId,
    header::{self, View},
    position::Mark,
};

use crate::chain::Chain;

/// What a reader needs to know of a record before it looks at the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    pub mark: Mark,
    /// The source shard's running hash after the step.
    pub chain: Chain,
    /// False when more outputs of the same step follow in this partition.
    pub ends_step: bool,
}

/// Why a record is none of ours: nobody but the processor writes these headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("the header {0} is missing or unreadable")]
    Header(&'static str),
    #[error("the origin names {found}, but only {expected} writes to this partition")]
    Source { expected: ShardId, found: ShardId },
}

impl Envelope {
    /// Reads the headers of a record of one partition of an events or outcomes topic.
    pub fn read(headers: View<'_>, partition: &Partition) -> Result<Self, Foreign> {
        let origin = headers.origin().ok_or(Foreign::Header(header::ORIGIN))?;
        let link_sequence = headers
            .number(header::LINK_SEQUENCE)
            .filter(|sequence| *sequence >= 1)
            .ok_or(Foreign::Header(header::LINK_SEQUENCE))?;
        let (part, of) = headers.part().ok_or(Foreign::Header(header::PART))?;
        let chain = headers
            .text(header::CHAIN)
            .and_then(|text| text.parse().ok())
            .ok_or(Foreign::Header(header::CHAIN))?;
        if let Some(expected) = partition.shard()
            && expected != origin.shard
        {
            return Err(Foreign::Source { expected, found: origin.shard });
        }
        Ok(Self {
            mark: Mark { incarnation: origin.incarnation, link_sequence },
            chain,
            ends_step: part == of,
        })
    }
}

#[cfg(test)]
mod tests {
    use events::{Kind, Topic};

    use super::*;

    fn partition() -> Partition {
        Partition::of(Topic::Events(Kind::Orders), 3)
    }

    fn headers<'a>(origin: &'a str, part: &'a str) -> [(&'a str, &'a [u8]); 4] {
        [
            (header::ORIGIN, origin.as_bytes()),
            (header::LINK_SEQUENCE, b"7"),
            (header::PART, part.as_bytes()),
            (header::CHAIN, b"000000000000000000000000000000ff"),
        ]
    }

    #[test]
    fn headers_say_where_a_record_stands() {
        let read = Envelope::read(View(&headers("orders/3:1:12:0", "1/2")), &partition());
        let envelope = read.expect("an envelope");
        assert_eq!((envelope.mark.incarnation, envelope.mark.link_sequence), (1, 7));
        assert_eq!(envelope.chain.to_string(), "000000000000000000000000000000ff");
        assert!(!envelope.ends_step);
    }

    #[test]
    fn a_record_of_another_writer_is_foreign() {
        let foreign = |origin, part| {
            Envelope::read(View(&headers(origin, part)), &partition()).expect_err("foreign")
        };
        assert_eq!(foreign("nonsense", "1/1"), Foreign::Header(header::ORIGIN));
        assert_eq!(foreign("orders/3:0:1:0", "3/2"), Foreign::Header(header::PART));
        assert!(matches!(foreign("orders/2:0:1:0", "1/1"), Foreign::Source { .. }));
        assert!(matches!(foreign("products/3:0:1:0", "1/1"), Foreign::Source { .. }));
        assert_eq!(Envelope::read(View(&[]), &partition()), Err(Foreign::Header(header::ORIGIN)));
    }
}
