//! Tells whoever keeps rows in memory which of them have changed, once that is committed.
//!
//! Channel `rows`. The first line is `projection/topic/partition/incarnation/link_sequence`, the mark
//! at which the rows stand now; each further line is a key. Without keys all rows of the partition
//! may have changed, and with the projection alone all rows of the read model, whatever their marks.
//! A notice is a hint: it is lost with its connection.

use sqlx::PgConnection;

use super::Owner;
use crate::intake::Slice;

/// The channel.
pub const CHANNEL: &str = "rows";

/// PostgreSQL takes payloads below 8,000 bytes.
const BYTES_MAX: usize = 7_900;

/// 128 characters of four bytes.
const KEY_BYTES_MAX: usize = 512;

/// A batch that changes more rows than fit into so many notices names none of them.
const NOTICES_MAX: usize = 4;

/// The texts for one slice.
pub(super) fn texts<'a>(
    owner: Owner,
    slice: &Slice,
    keys: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let (partition, mark) = (&slice.partition, slice.to.mark);
    let head = format!(
        "{}/{}/{}/{}/{}",
        owner.projection, partition.topic, partition.number, mark.incarnation, mark.link_sequence
    );
    let (mut texts, mut is_any) = (vec![head.clone()], false);
    for key in keys.filter(|key| is_id(key)) {
        is_any = true;
        let last = texts.len() - 1;
        if texts[last].len() + 1 + key.len() > BYTES_MAX {
            if texts.len() == NOTICES_MAX {
                return vec![head];
            }
            texts.push(head.clone());
        }
        if let Some(text) = texts.last_mut() {
            text.push('\n');
            text.push_str(key);
        }
    }
    if is_any { texts } else { Vec::new() }
}

/// Whether a key can be the id of anything: a record of a foreign writer may have any key at all, and
/// nobody asks for its rows.
fn is_id(key: &str) -> bool {
    key.len() <= KEY_BYTES_MAX && !key.chars().any(char::is_control)
}

/// Says that any row of the read model may have changed, or waits no longer behind a dead letter.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn all_changed(connection: &mut PgConnection, projection: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(projection)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use eventlog::Partition;
    use events::{Kind, Topic};

    use super::*;
    use crate::link::Checkpoint;

    fn texts_of(keys: &[String]) -> Vec<String> {
        let slice = Slice {
            partition: Partition::of(Topic::Events(Kind::Orders), 3),
            from: Checkpoint::default(),
            to: Checkpoint::default(),
            accepted: Vec::new(),
            foreign: Vec::new(),
            is_gap_open: false,
        };
        texts(Owner::live("orders", 1), &slice, keys.iter().map(String::as_str))
    }

    #[test]
    fn a_notice_names_the_mark_and_the_keys_and_never_grows_too_long() {
        assert_eq!(texts_of(&[]), Vec::<String>::new());
        let foreign = ["a\0b".to_owned(), "a\nb".to_owned(), "x".repeat(9_000)];
        assert_eq!(texts_of(&foreign), Vec::<String>::new());
        let named = texts_of(&["o-1".to_owned(), "o 2".to_owned()]);
        assert_eq!(named, ["orders/orders.events.v1/3/0/0\no-1\no 2"]);

        let keys: Vec<_> = (0..200).map(|n| format!("{n:0128}")).collect();
        let several = texts_of(&keys);
        assert!(several.len() > 1 && several.iter().all(|text| text.len() < 8_000));
        let named = several.iter().map(|text| text.lines().count() - 1).sum::<usize>();
        assert_eq!(named, keys.len());

        let keys: Vec<_> = (0..1_000).map(|n| format!("{n:0128}")).collect();
        assert_eq!(texts_of(&keys), ["orders/orders.events.v1/3/0/0"]);
    }
}
