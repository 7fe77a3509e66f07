//! Every command is decided at most once, every copy is answered, and no answer is contradicted.

use std::collections::BTreeMap;

use events::{
    ShardId, Topic,
    codec::Record as _,
    header::{self, View},
    outcome::Outcome,
    reply::{Answer, Reply},
};

use crate::{Violation, broker::Stored, faults::parameters, reference::Reference, world::World};

/// Copies of one waiting command that are answered.
const COPIES_MAX: usize = 4;

/// A copy of a client command in a log.
struct Copy {
    shard: ShardId,
    offset: usize,
    command_id: String,
    correlation: String,
    issued_at: i64,
}

pub(super) fn check(world: &World, reference: &Reference) -> Result<(), Violation> {
    let copies = copies(world);
    let outcomes = outcomes(world)?;
    let replies = replies(world)?;
    let mut copies_of: BTreeMap<&str, usize> = BTreeMap::new();
    for copy in &copies {
        *copies_of.entry(&copy.command_id).or_default() += 1;
    }
    let mut correlations: BTreeMap<&str, &Copy> = BTreeMap::new();
    for copy in &copies {
        let at = format!("{} offset {}", copy.shard, copy.offset);
        if let Some(other) = correlations.insert(&copy.correlation, copy)
            && other.command_id != copy.command_id
        {
            return Err(Violation(format!("{at}: its correlation is another command's, too")));
        }
        let of_copy = replies.get(&copy.correlation).map_or(&[][..], Vec::as_slice);
        if of_copy.is_empty() && copies_of[copy.command_id.as_str()] <= COPIES_MAX {
            return Err(Violation(format!("{at}: this copy is never answered")));
        }
        let is_stale = is_stale(copy, reference);
        for reply in of_copy.iter().filter(|reply| is_about(reply, copy)) {
            if (reply.answer == Answer::Stale) != is_stale {
                return Err(Violation(format!("{at}: answered {:?}", reply.answer)));
            }
            if reply.outcome.is_some() && reply.outcome.as_ref() != outcomes.get(&copy.command_id) {
                return Err(Violation(format!("{at}: the reply is not the outcome")));
            }
        }
    }
    for call in &world.callers.calls {
        let outcome = outcomes.get(&call.request.command_id.to_string());
        if call.told.iter().any(|told| Some(told) != outcome) {
            let id = call.request.command_id;
            return Err(Violation(format!("a caller of {id} was told something else")));
        }
    }
    effects(world, &outcomes)
}

/// A doubled request of a producer that the broker has forgotten has the correlation of its twin;
/// only the twin's own age counts for it.
fn is_about(reply: &Reply, copy: &Copy) -> bool {
    usize::try_from(reply.decided_offset) == Ok(copy.offset)
}

fn is_stale(copy: &Copy, reference: &Reference) -> bool {
    let now = reference.times[&copy.shard][copy.offset];
    let parameters = parameters(1);
    now > copy.issued_at + parameters.accept_ms || copy.issued_at > now + parameters.skew_ms
}

fn copies(world: &World) -> Vec<Copy> {
    let mut copies = Vec::new();
    for shard in world.broker.shards() {
        for (offset, stored) in world.broker.commands(shard).visible().iter().enumerate() {
            let headers = stored.view();
            let view = View(&headers);
            let (Some(address), None) = (view.return_address(), view.link()) else { continue };
            copies.push(Copy {
                shard,
                offset,
                command_id: view.text(header::COMMAND).unwrap_or_default().to_owned(),
                correlation: format!("{:032x}", address.correlation),
                issued_at: view.number(header::ISSUED_AT).unwrap_or(0),
            });
        }
    }
    copies
}

/// What consumers of these topics applied.
fn applied(world: &World, is_meant: impl Fn(Topic) -> bool) -> impl Iterator<Item = &Stored> {
    let readers = world.readers.iter().filter(move |((topic, _), _)| is_meant(*topic));
    readers.flat_map(|(_, reader)| reader.applied.values().flatten())
}

fn outcomes(world: &World) -> Result<BTreeMap<String, Outcome>, Violation> {
    let mut outcomes = BTreeMap::new();
    for stored in applied(world, |topic| matches!(topic, Topic::Outcomes(_))) {
        let outcome = Outcome::from_single_object(&stored.value)
            .map_err(|error| Violation(format!("an outcome cannot be read: {error}")))?;
        let id = outcome.command_id.clone();
        if outcomes.insert(id.clone(), outcome).is_some() {
            return Err(Violation(format!("command {id} was decided twice")));
        }
    }
    Ok(outcomes)
}

fn replies(world: &World) -> Result<BTreeMap<String, Vec<Reply>>, Violation> {
    let mut replies: BTreeMap<String, Vec<Reply>> = BTreeMap::new();
    for stored in applied(world, |topic| topic == Topic::Replies) {
        let reply = Reply::from_single_object(&stored.value)
            .map_err(|error| Violation(format!("a reply cannot be read: {error}")))?;
        replies.entry(reply.correlation.clone()).or_default().push(reply);
    }
    Ok(replies)
}

/// A command that was carried out has one effect, a refused one none.
fn effects(world: &World, outcomes: &BTreeMap<String, Outcome>) -> Result<(), Violation> {
    let mut effects: BTreeMap<&str, usize> = BTreeMap::new();
    for stored in applied(world, |topic| matches!(topic, Topic::Events(_))) {
        let name = stored.text(header::CE_TYPE).unwrap_or_default();
        let is_direct = [
            "StockAdjusted",
            "StockReceived",
            "PriceChanged",
            "OrderPaid",
            "ProductDeactivated",
            "ProductReactivated",
            "LowStockThresholdSet",
        ];
        if is_direct.iter().any(|direct| name.ends_with(direct)) {
            *effects.entry(stored.text(header::COMMAND).unwrap_or_default()).or_default() += 1;
        }
    }
    for (id, count) in effects {
        let is_refused = outcomes.get(id).is_none_or(|outcome| outcome.refusal.is_some());
        if count > 1 || is_refused {
            return Err(Violation(format!("command {id} had {count} effects")));
        }
    }
    Ok(())
}
