//! What the logs must hold: a digest for every output of the recomputed shards.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use events::{ShardId, Topic, position::Mark};
use shard::Output;

/// The outputs of one incarnation of a shard to one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub(super) target: (Topic, i32),
    pub(super) source: ShardId,
    pub(super) incarnation: i64,
}

/// Digests by link and link sequence: eight bytes an output.
#[derive(Debug, Default)]
pub(super) struct Expected {
    links: BTreeMap<Link, Vec<u64>>,
    /// The offset up to which each shard was recomputed.
    until: BTreeMap<ShardId, i64>,
}

/// What is known of an output that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Equal,
    Differs,
    /// Its step lies behind the recomputed stretch.
    Later,
    /// No step of the recomputed stretch writes it.
    Unexpected,
}

impl Expected {
    pub(super) fn recomputed(&mut self, source: ShardId, until: i64) {
        self.until.insert(source, until);
    }

    pub(super) fn add(&mut self, source: ShardId, incarnation: i64, output: &Output) {
        let link = Link { target: (output.topic, output.partition), source, incarnation };
        let headers = output.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let key = output.key.as_deref().map(str::as_bytes);
        self.links.entry(link).or_default().push(digest(key, &output.value, headers));
    }

    pub(super) fn compare(&self, link: &Link, mark: Mark, offset: i64, digest: u64) -> Match {
        let index = usize::try_from(mark.link_sequence - 1).ok();
        let expected = self.links.get(link).zip(index).and_then(|(all, index)| all.get(index));
        match expected {
            Some(expected) if *expected == digest => Match::Equal,
            Some(_) => Match::Differs,
            None if self.until.get(&link.source).is_some_and(|until| offset >= *until) => {
                Match::Later
            }
            None => Match::Unexpected,
        }
    }

    /// The last link sequence of each source to a partition, in its newest incarnation.
    pub(super) fn ends(&self, target: (Topic, i32)) -> BTreeMap<ShardId, Mark> {
        self.links
            .iter()
            .filter(|(link, _)| link.target == target)
            .map(|(link, outputs)| {
                let link_sequence = i64::try_from(outputs.len()).unwrap_or(i64::MAX);
                (link.source, Mark { incarnation: link.incarnation, link_sequence })
            })
            .collect()
    }
}

/// A digest of everything that must be equal. Events are compared without the registry's prefix.
pub(super) fn digest<'a>(
    key: Option<&[u8]>,
    value: &[u8],
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    value.hash(&mut hasher);
    for header in headers {
        header.hash(&mut hasher);
    }
    hasher.finish()
}
