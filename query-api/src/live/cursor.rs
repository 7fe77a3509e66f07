//! Where a stream is: the place that it has passed in each partition.
//!
//! As text it is what `Spillway-Position` is, base64url of `kind/partition:incarnation:sequence`
//! joined by commas, with a fourth number where a healed key was told last. So the id of a message
//! can be sent as a position, and the position of a command begins a stream.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{Kind, ShardId};

/// More partitions than any topic has.
const ENTRIES_MAX: usize = 1_024;

/// A place among the changes of one partition, in the order in which they appear. The default
/// stands before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub incarnation: i64,
    pub link_sequence: i64,
    /// Counts the healed keys that were told at this mark.
    pub nth: i32,
}

/// The places passed, by partition. A partition that is not named is before its first change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<i32, Place>);

/// The text is no id of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no id of a stream's message: send the last `id` unchanged")]
pub struct Unreadable;

impl Cursor {
    pub fn new(places: impl IntoIterator<Item = (i32, Place)>) -> Self {
        Self(places.into_iter().collect())
    }

    pub fn place(&self, partition: i32) -> Place {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// Whether the partition is named.
    pub fn has(&self, partition: i32) -> bool {
        self.0.contains_key(&partition)
    }

    pub fn set(&mut self, partition: i32, place: Place) {
        self.0.insert(partition, place);
    }

    /// Moves forward to the place; false when it was passed before.
    pub fn pass(&mut self, partition: i32, place: Place) -> bool {
        let at = self.0.entry(partition).or_default();
        let is_new = place > *at;
        *at = place.max(*at);
        is_new
    }

    /// Only what is said of one partition.
    #[must_use]
    pub fn only(&self, partition: i32) -> Self {
        Self::new(self.0.get(&partition).map(|place| (partition, *place)))
    }

    pub fn iter(&self) -> impl Iterator<Item = (i32, Place)> {
        self.0.iter().map(|(partition, place)| (*partition, *place))
    }

    /// The id of a message.
    pub fn to_id(&self, kind: Kind) -> String {
        let entries = self.iter().filter(|(_, place)| *place != Place::default());
        let texts: Vec<String> = entries
            .map(|(partition, Place { incarnation, link_sequence, nth })| {
                let healed = if nth > 0 { format!(":{nth}") } else { String::new() };
                format!(
                    "{kind}/{partition}:{incarnation}:{link_sequence}{healed}",
                    kind = kind.as_str()
                )
            })
            .collect();
        URL_SAFE_NO_PAD.encode(texts.join(","))
    }

    /// Reads an id; entries of other kinds, as in the position of a command, are passed over.
    ///
    /// # Errors
    /// When it is no id.
    pub fn of_id(id: &str, kind: Kind) -> Result<Self, Unreadable> {
        let bytes = URL_SAFE_NO_PAD.decode(id).map_err(|_| Unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| Unreadable)?;
        let mut cursor = Self::default();
        for (count, entry) in text.split(',').filter(|entry| !entry.is_empty()).enumerate() {
            if count == ENTRIES_MAX {
                return Err(Unreadable);
            }
            let (shard, place) = entry_of(entry).ok_or(Unreadable)?;
            if shard.kind == kind {
                cursor.set(shard.partition, place);
            }
        }
        Ok(cursor)
    }
}

fn entry_of(text: &str) -> Option<(ShardId, Place)> {
    let mut parts = text.split(':');
    let shard = parts.next()?.parse().ok()?;
    let incarnation: i64 = parts.next()?.parse().ok()?;
    let link_sequence: i64 = parts.next()?.parse().ok()?;
    let nth: i32 = parts.next().map_or(Some(0), |nth| nth.parse().ok())?;
    let is_fit = incarnation >= 0 && link_sequence >= 0 && nth >= 0 && parts.next().is_none();
    is_fit.then_some((shard, Place { incarnation, link_sequence, nth }))
}

#[cfg(test)]
mod tests {
    use events::{Position, position::Mark, position::to_token};

    use super::*;

    fn place(link_sequence: i64, nth: i32) -> Place {
        Place { incarnation: 0, link_sequence, nth }
    }

    #[test]
    fn an_id_reads_back_and_a_position_is_one() {
        let cursor = Cursor::new([(0, place(17, 0)), (3, place(4, 2))]);
        assert_eq!(Cursor::of_id(&cursor.to_id(Kind::Orders), Kind::Orders), Ok(cursor));
        let mark = Mark { incarnation: 0, link_sequence: 5 };
        let token = to_token(&[
            Position::new(ShardId::new(Kind::Orders, 1), mark),
            Position::new(ShardId::new(Kind::Products, 2), mark),
        ]);
        let read = Cursor::of_id(&token, Kind::Orders);
        assert_eq!(read, Ok(Cursor::new([(1, place(5, 0))])));
        assert_eq!(Cursor::default().to_id(Kind::Orders), "");
        assert_eq!(Cursor::of_id("", Kind::Orders), Ok(Cursor::default()));
        for text in ["x", "orders/1", "orders/1:0", "orders/1:0:-1", "orders/1:0:1:1:1", "x/1:0:1"]
        {
            let id = URL_SAFE_NO_PAD.encode(text);
            assert_eq!(Cursor::of_id(&id, Kind::Orders), Err(Unreadable), "{text}");
        }
        assert_eq!(Cursor::of_id("%", Kind::Orders), Err(Unreadable));
    }

    #[test]
    fn only_what_lies_behind_a_cursor_is_new() {
        let mut cursor = Cursor::new([(0, place(5, 0))]);
        assert!(!cursor.pass(0, place(5, 0)));
        assert!(!cursor.pass(0, place(4, 9)));
        assert!(cursor.pass(0, place(5, 1)), "a healed key");
        assert!(cursor.pass(0, place(6, 0)));
        assert!(cursor.pass(0, Place { incarnation: 1, link_sequence: 1, nth: 0 }));
        assert!(cursor.pass(7, place(1, 0)), "the first of a partition");
    }
}
