//! Command logs that are gone although their shards have written: what must not be made again in
//! silence.
//!
//! The command log is the truth, and nothing gives it back. A shard whose log begins again begins
//! empty, so everything that it ever wrote must be told from what it writes from now on: by a higher
//! incarnation (PROTOCOL, identity of an output).

use std::{fmt, ops::ControlFlow, time::Duration};

use events::{Kind, ShardId, Topic, header::View, profile::Profile};

use super::first_records::WriteError;
use crate::{Connection, LogReader, Partition};

/// How long a partition may take to be read on.
const PATIENCE: Duration = Duration::from_secs(30);
/// Strangers' records that may stand behind the last one of a shard.
const STRANGERS_MAX: i64 = 100;

/// Shards whose logs were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub shards: Vec<ShardId>,
    /// Order shards that have their logs, where product shards lost theirs: their orders hold stock of
    /// those. While there are any, nothing can begin anew.
    pub kept: Vec<ShardId>,
    /// Above those of everything that any shard has written.
    pub incarnation: i64,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = names(&self.shards);
        write!(
            f,
            "{shards} have written events, but their command logs are gone, and nothing gives these \
             back: restore the brokers' data, or give up "
        )?;
        match self.kept.is_empty() {
            true => write!(
                f,
                "what the shards held with `spillway topics apply --begin-anew`, while no command-api \
                 runs"
            ),
            false => write!(
                f,
                "the orders too. {} keep orders that hold stock in product shards, and one that begins \
                 empty does not know of it: what they give back would be taken from what new orders \
                 hold. To give up both, delete {} while no command-api runs, and begin anew then",
                names(&self.kept),
                Topic::Commands(Kind::Orders)
            ),
        }
    }
}

fn names(shards: &[ShardId]) -> String {
    shards.iter().map(ShardId::to_string).collect::<Vec<_>>().join(", ")
}

/// The order shards that have their logs while product shards lost theirs.
fn kept(lost: &[ShardId], empty: &[ShardId], profile: &Profile) -> Vec<ShardId> {
    if lost.iter().all(|shard| shard.kind != Kind::Products) {
        return Vec::new();
    }
    let orders = shards(profile, |topic| topic == Topic::Events(Kind::Orders));
    orders.into_iter().filter(|shard| !empty.contains(shard)).collect()
}

/// Looks whether shards without a log have written events. Blocks. `shards` are all of the profile whose
/// events topic exists.
pub(super) fn look(
    connection: &Connection,
    profile: &Profile,
    empty: &[ShardId],
    shards: &[ShardId],
) -> Result<Option<Lost>, WriteError> {
    let mut reader = LogReader::open(connection, "spillway-topics")?;
    let mut lost = Vec::new();
    for shard in empty.iter().filter(|shard| shards.contains(shard)) {
        let events = Partition::of(Topic::Events(shard.kind), shard.partition);
        if reader.watermarks(&events)?.high > 0 {
            lost.push(*shard);
        }
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let mut incarnation = 0;
    for shard in shards {
        incarnation = incarnation.max(last_incarnation(&mut reader, *shard)?);
    }
    let kept = kept(&lost, empty, profile);
    Ok(Some(Lost { shards: lost, kept, incarnation: incarnation + 1 }))
}

/// The incarnation of the last event of a shard. Whatever a shard has written in a later one without
/// any event is no follow-up, so nobody waits for what comes behind it.
fn last_incarnation(reader: &mut LogReader, shard: ShardId) -> Result<i64, WriteError> {
    let events = Partition::of(Topic::Events(shard.kind), shard.partition);
    let watermarks = reader.watermarks(&events)?;
    let start = watermarks.low.max(watermarks.high - STRANGERS_MAX);
    let mut incarnation = 0;
    reader.read_to_end(&[(events, start)], PATIENCE, |record| {
        if let Some((source, mark)) = View(&record.headers()).link()
            && source == shard
        {
            incarnation = incarnation.max(mark.incarnation);
        }
        ControlFlow::Continue(())
    })?;
    Ok(incarnation)
}

/// The shards of a deployment whose events topics are among these.
pub(super) fn shards(profile: &Profile, exists: impl Fn(Topic) -> bool) -> Vec<ShardId> {
    let kinds = Kind::ALL.into_iter().filter(|kind| exists(Topic::Events(*kind)));
    kinds
        .flat_map(|kind| {
            let partitions = 0..profile.partitions(Topic::Events(kind));
            partitions.map(move |partition| ShardId::new(kind, partition))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: Profile = Profile::LOCAL;

    fn all(kind: Kind) -> Vec<ShardId> {
        shards(&PROFILE, |topic| topic == Topic::Events(kind))
    }

    #[test]
    fn product_shards_begin_anew_only_when_no_order_shard_keeps_its_orders() {
        let (orders, products) = (all(Kind::Orders), all(Kind::Products));
        assert_eq!(kept(&products[..1], &products[..1], &PROFILE), orders);
        assert_eq!(kept(&orders, &orders, &PROFILE), [], "orders may be given up alone");
        let empty: Vec<ShardId> = [&orders[1..], &products].concat();
        assert_eq!(kept(&products, &empty, &PROFILE), orders[..1], "one order shard is left");
        // An order shard that lost its log without having written an event holds nothing either.
        let empty: Vec<ShardId> = [&*orders, &products].concat();
        assert_eq!(kept(&products, &empty, &PROFILE), []);
    }

    #[test]
    fn the_sentence_says_what_can_be_given_up() {
        let products = all(Kind::Products);
        let alone = Lost { shards: products, kept: all(Kind::Orders), incarnation: 1 };
        let sentence = alone.to_string();
        assert!(sentence.starts_with("products/0, products/1"), "{sentence}");
        assert!(sentence.contains("orders/3 keep orders that hold stock"), "{sentence}");
        assert!(sentence.contains("delete orders.commands.v1"), "{sentence}");
        let both = Lost { kept: Vec::new(), ..alone };
        assert!(both.to_string().contains("--begin-anew"), "{both}");
    }
}
