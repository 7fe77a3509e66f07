//! The name of a shard: one partition of one command topic.

use std::{fmt, str::FromStr};

use crate::{Kind, kind::UnknownKind};

/// One partition of one command topic, written `orders/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId {
    pub kind: Kind,
    pub partition: i32,
}

impl ShardId {
    pub fn new(kind: Kind, partition: i32) -> Self {
        Self { kind, partition }
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.partition)
    }
}

impl FromStr for ShardId {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (kind, partition) = text.split_once('/').ok_or(Unreadable)?;
        let partition = partition.parse().map_err(|_| Unreadable)?;
        if partition < 0 {
            return Err(Unreadable);
        }
        Ok(Self::new(kind.parse()?, partition))
    }
}

/// The text is not of the form `orders/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a shard: expected a kind ({}), a slash and a partition",
    Kind::ALL.map(Kind::as_str).join(" or ")
)]
pub struct Unreadable;

impl From<UnknownKind> for Unreadable {
    fn from(_: UnknownKind) -> Self {
        Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_reads_back_what_it_writes() {
        let shard = ShardId::new(Kind::Products, 11);
        assert_eq!(shard.to_string(), "products/11");
        assert_eq!("products/11".parse(), Ok(shard));
        assert_eq!("carts/1".parse::<ShardId>(), Err(Unreadable));
        assert_eq!("orders/-1".parse::<ShardId>(), Err(Unreadable));
    }
}
