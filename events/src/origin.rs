//! Where an output comes from: `orders/3:0:1234:2`.

use std::{fmt, str::FromStr};

use crate::ShardId;

/// Identity of an output. Origins rise along every partition, with holes; they name a record, while
/// readers de-duplicate by link sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The shard that wrote the output.
    pub shard: ShardId,
    /// How often the shard's log was begun anew.
    pub incarnation: i64,
    /// Offset of the command in the shard's log.
    pub offset: i64,
    /// Index of the output within the step, from 0.
    pub index: i32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.shard, self.incarnation, self.offset, self.index)
    }
}

impl FromStr for Origin {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(Unreadable);
        let origin = Self {
            shard: next()?.parse().map_err(|_| Unreadable)?,
            incarnation: next()?.parse().map_err(|_| Unreadable)?,
            offset: next()?.parse().map_err(|_| Unreadable)?,
            index: next()?.parse().map_err(|_| Unreadable)?,
        };
        match parts.next() {
            None => Ok(origin),
            Some(_) => Err(Unreadable),
        }
    }
}

/// The text is not of the form `orders/3:0:1234:2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin: expected kind/partition:incarnation:offset:index")]
pub struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_back_what_it_writes() {
        let text = "orders/3:0:1234:2";
        assert_eq!(text.parse::<Origin>().map(|o| o.to_string()), Ok(text.to_owned()));
        assert!("orders/3:0:1234".parse::<Origin>().is_err());
        assert!("orders/3:0:1234:2:9".parse::<Origin>().is_err());
    }
}
