//! What the logs must hold: a digest for every output of the recomputed shards.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use events::{ShardId, Topic, position::Mark};
use shard::{Output, State};

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
    links: BTreeMap<Link, Digests>,
    /// The offsets from which and up to which each shard was recomputed.
    stretches: BTreeMap<ShardId, (i64, i64)>,
    /// The incarnation of each shard's first recomputed output, and that of its end.
    incarnations: BTreeMap<ShardId, (i64, i64)>,
    /// What each shard had read of the others where its recomputation began.
    read_before: BTreeMap<ShardId, BTreeMap<ShardId, Mark>>,
}

/// Digests of a link's outputs, in the order of their link sequences.
#[derive(Debug, Default)]
struct Digests {
    /// The last link sequence before the recomputed stretch.
    before: i64,
    digests: Vec<u64>,
}

impl Digests {
    fn at(&self, link_sequence: i64) -> Option<u64> {
        let index = usize::try_from(link_sequence - self.before - 1).ok()?;
        self.digests.get(index).copied()
    }

    fn end(&self) -> i64 {
        self.before + i64::try_from(self.digests.len()).unwrap_or(i64::MAX)
    }
}

/// What is known of an output that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Equal,
    Differs,
    /// Its step lies before the recomputed stretch: its command was deleted.
    Earlier,
    /// Its step lies behind the recomputed stretch.
    Later,
    /// No step of the recomputed stretch writes it.
    Unexpected,
}

impl Expected {
    /// The shard is recomputed from this state on.
    pub(super) fn begin(&mut self, state: &State) {
        let (source, incarnation) = (state.shard(), state.incarnation());
        for (target, before) in state.link_ends() {
            let link = Link { target, source, incarnation };
            self.links.insert(link, Digests { before, digests: Vec::new() });
        }
        self.stretches.insert(source, (state.next_offset(), state.next_offset()));
        self.read_before.insert(source, state.marks().collect());
    }

    /// What a shard had read of the others before the first record that is left of its log. The first
    /// record of a source that is left may be a repeat, which says nothing about that.
    pub(super) fn read_before(&self, target: ShardId) -> BTreeMap<ShardId, Mark> {
        self.read_before.get(&target).cloned().unwrap_or_default()
    }

    pub(super) fn recomputed(&mut self, source: ShardId, until: i64, incarnation: i64) {
        self.stretches.entry(source).or_default().1 = until;
        self.incarnations.entry(source).or_insert((incarnation, incarnation)).1 = incarnation;
    }

    pub(super) fn add(&mut self, source: ShardId, incarnation: i64, output: &Output) {
        let link = Link { target: (output.topic, output.partition), source, incarnation };
        self.incarnations.entry(source).or_insert((incarnation, incarnation));
        let headers = output.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let key = output.key.as_deref().map(str::as_bytes);
        self.links.entry(link).or_default().digests.push(digest(key, &output.value, headers));
    }

    pub(super) fn compare(&self, link: &Link, mark: Mark, offset: i64, digest: u64) -> Match {
        let (from, until) = self.stretches.get(&link.source).copied().unwrap_or_default();
        let (first, _) = self.incarnations.get(&link.source).copied().unwrap_or_default();
        // Its log was lost, and the shard began anew.
        if link.incarnation < first {
            return Match::Earlier;
        }
        match self.links.get(link).and_then(|digests| digests.at(mark.link_sequence)) {
            _ if offset < from => Match::Earlier,
            Some(expected) if expected == digest => Match::Equal,
            Some(_) => Match::Differs,
            None if offset >= until => Match::Later,
            None => Match::Unexpected,
        }
    }

    /// The last link sequence of each source to a partition, in the source's newest incarnation:
    /// whoever raised it gave up what was not read of the earlier ones.
    pub(super) fn ends(&self, target: (Topic, i32)) -> BTreeMap<ShardId, Mark> {
        let is_newest = |link: &Link| {
            self.incarnations.get(&link.source).is_none_or(|(_, last)| link.incarnation == *last)
        };
        self.links
            .iter()
            .filter(|(link, _)| link.target == target && is_newest(link))
            .map(|(link, digests)| {
                let mark = Mark { incarnation: link.incarnation, link_sequence: digests.end() };
                (link.source, mark)
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
