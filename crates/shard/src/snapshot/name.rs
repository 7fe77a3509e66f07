//! What a snapshot is called: `orders/3/00000000000000001234.snapshot`.

use std::{fmt, str::FromStr};

use events::ShardId;

const SUFFIX: &str = ".snapshot";

/// A shard, and the offset of the next record to step from here. One name has one content: equal
/// states give equal bytes, so a second content under a name means two opinions about one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub shard: ShardId,
    pub next_offset: i64,
}

/// A text that names no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no snapshot: expected something like orders/3/00000000000000001234{SUFFIX}")]
pub struct NotAName(String);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Twenty digits, so that names in the order of their text are in the order of offsets.
        write!(f, "{}/{:020}{SUFFIX}", self.shard, self.next_offset)
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let read = || {
            let (shard, offset) = text.strip_suffix(SUFFIX)?.rsplit_once('/')?;
            let next_offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
            Some(Self { shard: shard.parse().ok()?, next_offset })
        };
        // Only the one spelling, so that a name has one object.
        let name: Option<Self> = read();
        name.filter(|name| name.to_string() == text).ok_or_else(|| NotAName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use events::Kind;

    use super::*;

    #[test]
    fn names_read_back_and_other_texts_are_refused() {
        let name = Name { shard: ShardId::new(Kind::Orders, 3), next_offset: 1234 };
        assert_eq!(name.to_string(), "orders/3/00000000000000001234.snapshot");
        assert_eq!(name.to_string().parse(), Ok(name));
        for text in ["", "orders/3/1234.snapshot", "orders/3/00000000000000001234", "x.snapshot"] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
