//! Positions: how far a client has written, carried to read its own writes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{Kind, ShardId};

/// How far one shard's events are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Kind of the shard, such as `orders`.
    pub kind: String,
    /// Partition of the event topic.
    pub partition: i32,
    pub incarnation: i64,
    /// Link sequence of the shard's last event so far; 0 before the first.
    pub link_sequence: i64,
}

impl Position {
    pub fn new(shard: ShardId, mark: Mark) -> Self {
        Self {
            kind: shard.kind.as_str().to_owned(),
            partition: shard.partition,
            incarnation: mark.incarnation,
            link_sequence: mark.link_sequence,
        }
    }

    /// The shard, unless the kind is unknown here.
    pub fn shard(&self) -> Option<ShardId> {
        self.kind.parse::<Kind>().ok().map(|kind| ShardId::new(kind, self.partition))
    }

    pub fn mark(&self) -> Mark {
        Mark { incarnation: self.incarnation, link_sequence: self.link_sequence }
    }

    /// Whether a reader at this mark has seen what the position stands for: its mark is not lower.
    ///
    /// A position without an event of its incarnation names nothing to wait for: the shard may write
    /// none for ever, and what it wrote before the incarnation was raised cannot be told from it. That
    /// was while no processor ran, so readers have had the time to read it.
    pub fn is_passed_by(&self, mark: Mark) -> bool {
        self.link_sequence == 0 || mark >= self.mark()
    }
}

/// (incarnation, link sequence) last accepted from a source shard. The default stands before the
/// first record of incarnation 0.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mark {
    pub incarnation: i64,
    pub link_sequence: i64,
}

/// What a reader does with a record whose mark it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Exactly the next one: apply it and move the mark.
    Next,
    /// Seen before: skip it.
    Repeat,
    /// Records before it are missing: discard it, leave the mark, raise `gap`.
    Gap,
}

impl Mark {
    /// Judges an arriving record: (n, 1) follows any (m < n, …), else exactly last + 1.
    pub fn arrival(self, record: Mark) -> Arrival {
        if record.incarnation < self.incarnation {
            return Arrival::Repeat;
        }
        let last = if record.incarnation > self.incarnation { 0 } else { self.link_sequence };
        match record.link_sequence {
            sequence if sequence <= last => Arrival::Repeat,
            sequence if sequence == last + 1 => Arrival::Next,
            _ => Arrival::Gap,
        }
    }
}

/// Writes positions as the opaque text of the `Spillway-Position` header: base64url of
/// `kind/partition:incarnation:sequence` joined by commas, sorted.
pub fn to_token(positions: &[Position]) -> String {
    let mut texts: Vec<String> = positions
        .iter()
        .map(|p| format!("{}/{}:{}:{}", p.kind, p.partition, p.incarnation, p.link_sequence))
        .collect();
    texts.sort_unstable();
    URL_SAFE_NO_PAD.encode(texts.join(","))
}

/// Reads a token; the number of entries is bounded by `entries_max`.
pub fn from_token(token: &str, entries_max: usize) -> Result<Vec<Position>, Unreadable> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| Unreadable)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let positions: Vec<Position> =
        text.split(',').take(entries_max + 1).map(read_one).collect::<Result<_, _>>()?;
    if positions.len() > entries_max { Err(Unreadable) } else { Ok(positions) }
}

fn read_one(text: &str) -> Result<Position, Unreadable> {
    let mut parts = text.split(':');
    let mut next = || parts.next().ok_or(Unreadable);
    let shard: ShardId = next()?.parse().map_err(|_| Unreadable)?;
    let incarnation: i64 = next()?.parse().map_err(|_| Unreadable)?;
    let link_sequence: i64 = next()?.parse().map_err(|_| Unreadable)?;
    if parts.next().is_some() || incarnation < 0 || link_sequence < 0 {
        return Err(Unreadable);
    }
    Ok(Position::new(shard, Mark { incarnation, link_sequence }))
}

/// The text is no position token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: pass on the Spillway-Position header of a command's answer unchanged")]
pub struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(incarnation: i64, link_sequence: i64) -> Mark {
        Mark { incarnation, link_sequence }
    }

    #[test]
    fn a_token_reads_back_sorted_and_bounded() {
        let orders = Position::new(ShardId::new(Kind::Orders, 3), mark(0, 17));
        let products = Position::new(ShardId::new(Kind::Products, 0), mark(1, 4));
        let token = to_token(&[products.clone(), orders.clone()]);
        assert_eq!(from_token(&token, 2), Ok(vec![orders, products]));
        assert_eq!(from_token(&token, 1), Err(Unreadable));
        assert_eq!(from_token("%%%", 9), Err(Unreadable));
    }

    #[test]
    fn a_position_is_passed_by_marks_that_are_not_lower() {
        let passed = |incarnation, link_sequence| {
            let shard = ShardId::new(Kind::Orders, 3);
            Position::new(shard, mark(incarnation, link_sequence)).is_passed_by(mark(1, 5))
        };
        assert!(passed(1, 5) && !passed(1, 6));
        assert!(passed(0, 900), "a lower incarnation counts as passed");
        assert!(passed(2, 0) && !passed(2, 1), "before the first event of an incarnation is none");
    }

    #[test]
    fn only_the_next_record_is_accepted() {
        assert_eq!(mark(0, 0).arrival(mark(0, 1)), Arrival::Next);
        assert_eq!(mark(0, 5).arrival(mark(0, 5)), Arrival::Repeat);
        assert_eq!(mark(0, 5).arrival(mark(0, 7)), Arrival::Gap);
        assert_eq!(mark(0, 5).arrival(mark(2, 1)), Arrival::Next);
        assert_eq!(mark(0, 5).arrival(mark(1, 2)), Arrival::Gap);
        assert_eq!(mark(1, 1).arrival(mark(0, 6)), Arrival::Repeat);
    }
}
