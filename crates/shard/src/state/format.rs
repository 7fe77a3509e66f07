//! The state as bytes: one form for equal states, with a version and a checksum.
//!
//! `SPLW` · format version (u16, big endian) · BLAKE3 of the body (32 bytes) · the body in postcard
//! (<https://postcard.jamesmunns.com/wire-format>), every map as a sorted list.
//!
//! Version 1 is what rules versions 1 and 2 can lead to. Version 2 has behind it what rules version 3
//! knows of products, and version 3 behind that the aggregates of a kind that the body has no place
//! for. A state is written as the lowest version that holds it, so that equal states have equal bytes
//! and an earlier release reads what it can.

use std::collections::BTreeSet;

use domain::{
    Aggregates,
    order::Order,
    product::{Listing, Product},
};
use events::{Kind, Millis, ShardId, Topic, position::Mark};
use serde::{Deserialize, Serialize};

use super::{Links, Memory, Placement, Retirement, State, Tombstone, memory::Entry};
use crate::{chain::Chain, rules::Rules};

const MAGIC: &[u8; 4] = b"SPLW";
/// The body alone.
const PLAIN: u16 = 1;
/// The body, and the listings of products that have one.
const WITH_LISTINGS: u16 = 2;
/// The body, the listings, and the aggregates of a kind other than orders and products.
const WITH_FURTHER: u16 = 3;
const HEAD_BYTES: usize = 4 + 2 + 32;

/// Why bytes are no state of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the bytes are no shard state")]
    Foreign,
    #[error("the state has format version {0}, which this binary does not know")]
    UnknownVersion(u16),
    #[error("the state is damaged: its checksum does not match")]
    Damaged,
    #[error("the state does not decode: {0}")]
    Malformed(String),
}

/// The body; fields are only ever added behind a new format version.
#[derive(Serialize, Deserialize)]
struct Body {
    kind: Kind,
    partition: i32,
    stream_id: Option<String>,
    incarnation: i64,
    next_offset: i64,
    now: Millis,
    chain: Chain,
    rules: Rules,
    memory: Vec<(u128, Entry)>,
    counters: Vec<(String, i32, i64)>,
    marks: Vec<(Kind, i32, Mark)>,
    orders: Vec<(String, Order)>,
    products: Vec<(String, Product)>,
    deadlines: BTreeSet<(Millis, String)>,
    retirement: BTreeSet<(Millis, String)>,
    tombstones: Vec<(u128, Tombstone)>,
    placements: Vec<(String, Placement)>,
}

/// Writes a state; equal states give equal bytes.
pub fn encode(state: &State) -> Vec<u8> {
    let listings = listings(state);
    let version = match state.shard.kind {
        kind if is_further(kind) => WITH_FURTHER,
        _ if listings.is_empty() => PLAIN,
        _ => WITH_LISTINGS,
    };
    let mut body = written(&Body::from(state));
    if version >= WITH_LISTINGS {
        body.extend(written(&listings));
    }
    if version >= WITH_FURTHER {
        body.extend(written(&state.aggregates.sorted(state.shard.kind)));
    }
    let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(blake3::hash(&body).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// Reads what [`encode`] wrote; anything else is refused, never guessed at.
pub fn decode(bytes: &[u8]) -> Result<State, Unreadable> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Unreadable::Foreign)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(Unreadable::Foreign)?;
    let version = u16::from_be_bytes(*version);
    if !(PLAIN..=WITH_FURTHER).contains(&version) {
        return Err(Unreadable::UnknownVersion(version));
    }
    let (checksum, body) = rest.split_first_chunk::<32>().ok_or(Unreadable::Damaged)?;
    if blake3::hash(body).as_bytes() != checksum {
        return Err(Unreadable::Damaged);
    }
    let malformed = |error: postcard::Error| Unreadable::Malformed(error.to_string());
    let (body, mut rest): (Body, _) = postcard::take_from_bytes(body).map_err(malformed)?;
    let mut state = State::try_from(body)?;
    if version >= WITH_LISTINGS {
        let listings: Vec<(String, Listing)>;
        (listings, rest) = postcard::take_from_bytes(rest).map_err(malformed)?;
        for (sku, listing) in listings {
            let products = &mut state.aggregates.products;
            let product = products.remove(&sku).ok_or_else(|| {
                Unreadable::Malformed(format!("a listing of {sku}, which is no product here"))
            })?;
            products.insert(sku, product.with_listing(listing));
        }
    }
    if version >= WITH_FURTHER {
        state.aggregates.restore(postcard::from_bytes(rest).map_err(malformed)?);
    }
    Ok(state)
}

/// Whether the body has no place for aggregates of this kind.
fn is_further(kind: Kind) -> bool {
    !matches!(kind, Kind::Orders | Kind::Products)
}

fn written(part: &impl Serialize) -> Vec<u8> {
    // Writing to memory fails only for sequences of unknown length, and there are none.
    postcard::to_stdvec(part).unwrap_or_else(|error| panic!("a state does not encode: {error}"))
}

/// What rules version 3 knows of products, by SKU; nothing of most.
fn listings(state: &State) -> Vec<(&str, Listing)> {
    let all =
        state.aggregates.products.iter().map(|(sku, product)| (sku.as_str(), product.listing()));
    let mut set: Vec<_> = all.filter(|(_, listing)| *listing != Listing::default()).collect();
    set.sort_unstable_by_key(|(sku, _)| *sku);
    set
}

impl From<&State> for Body {
    fn from(state: &State) -> Self {
        let counters = state.links.counters.iter();
        let marks = state.links.marks.iter();
        Body {
            kind: state.shard.kind,
            partition: state.shard.partition,
            stream_id: state.stream_id.clone(),
            incarnation: state.incarnation,
            next_offset: state.next_offset,
            now: state.now,
            chain: state.chain,
            rules: state.rules.clone(),
            memory: sorted(&state.memory.entries),
            counters: counters.map(|((t, p), n)| (t.name().to_owned(), *p, *n)).collect(),
            marks: marks.map(|(shard, mark)| (shard.kind, shard.partition, *mark)).collect(),
            orders: sorted(&state.aggregates.orders),
            products: sorted(&state.aggregates.products),
            deadlines: state.deadlines.clone(),
            retirement: state.retirement.queue.clone(),
            tombstones: sorted(&state.retirement.tombstones),
            placements: state.placements.clone().into_iter().collect(),
        }
    }
}

impl TryFrom<Body> for State {
    type Error = Unreadable;

    fn try_from(body: Body) -> Result<Self, Unreadable> {
        let mut links = Links::default();
        for (name, partition, count) in body.counters {
            let topic = Topic::of_name(&name)
                .ok_or_else(|| Unreadable::Malformed(format!("no topic is named {name}")))?;
            links.counters.insert((topic, partition), count);
        }
        for (kind, partition, mark) in body.marks {
            links.marks.insert(ShardId::new(kind, partition), mark);
        }
        let mut aggregates = Aggregates::default();
        aggregates.orders.extend(body.orders);
        aggregates.products.extend(body.products);
        Ok(State {
            shard: ShardId::new(body.kind, body.partition),
            stream_id: body.stream_id,
            incarnation: body.incarnation,
            next_offset: body.next_offset,
            now: body.now,
            chain: body.chain,
            rules: body.rules,
            memory: Memory::from_entries(body.memory),
            links,
            aggregates,
            deadlines: body.deadlines,
            retirement: Retirement {
                queue: body.retirement,
                tombstones: body.tombstones.into_iter().collect(),
            },
            placements: body.placements.into_iter().collect(),
        })
    }
}

fn sorted<K: Ord + Clone, V: Clone, S>(map: &std::collections::HashMap<K, V, S>) -> Vec<(K, V)> {
    let mut entries: Vec<(K, V)> =
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    entries
}
