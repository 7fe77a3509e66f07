//! What clients are told: outcomes, replies, and the memory of both.

use std::collections::BTreeMap;

use domain::order;
use events::{
    Event, Position,
    codec::Record as _,
    outcome::{Outcome, Refusal},
    position::Mark,
    reply::Answer,
};

use crate::{
    emit::{Draft, Drafts},
    intake::Client,
    plan::Verdict,
    state::{Copy, Pending, Placement, Recall, State},
};

/// The waiting PlaceOrder that this event decides.
pub(crate) fn decided_by(state: &mut State, event: &Event) -> Option<Decided> {
    let refusal = order::placement_verdict(event)?;
    let order_id = event.key();
    let placement = state.placements.remove(order_id)?;
    Some(Decided { order_id: order_id.to_owned(), placement, refusal })
}

/// A placement that left the waiting ones, with what it is told.
pub(crate) struct Decided {
    order_id: String,
    placement: Placement,
    refusal: Option<Refusal>,
}

/// Answers every waiting copy of a decided PlaceOrder.
pub(crate) fn placement(
    state: &mut State,
    drafts: &mut Drafts<'_, '_>,
    decided: Decided,
    event_mark: Mark,
) {
    let command_id = decided.placement.command_id;
    let Some((fingerprint, pending)) = state.memory.pending(command_id) else { return };
    let pending = pending.clone();
    let mut position = vec![Position::new(state.shard, event_mark)];
    position.extend(decided.placement.positions.iter().map(|((kind, partition), mark)| Position {
        kind: kind.clone(),
        partition: *partition,
        incarnation: mark.incarnation,
        link_sequence: mark.link_sequence,
    }));
    position.sort_unstable();
    let about = About {
        command_id,
        command: &pending.command,
        caller: &pending.caller,
        key: &decided.order_id,
    };
    let outcome = outcome(state, &about, decided.refusal, position);
    remember(state, command_id, fingerprint, &outcome);
    drafts.push(Draft::outcome(state.shard, command_id, &outcome));
    for copy in &pending.copies {
        let answer = Draft::reply(
            state,
            copy.address(),
            command_id,
            Answer::Decided,
            copy.replayed,
            Some(outcome.clone()),
        );
        drafts.extend(answer);
    }
}

/// Answers one client record, unless its answer must wait.
pub(crate) fn client(
    state: &mut State,
    drafts: &mut Drafts<'_, '_>,
    client: &Client<'_>,
    verdict: Verdict,
    event_mark: Mark,
) {
    let (answer, replayed, outcome) = match verdict {
        Verdict::Decided(refusal) => {
            let about = About {
                command_id: client.command_id,
                command: client.body.as_ref().map_or("", |command| command.name()),
                caller: client.caller,
                key: client.key,
            };
            let position = vec![Position::new(state.shard, event_mark)];
            let outcome = outcome(state, &about, refusal, position);
            remember(state, client.command_id, client.fingerprint, &outcome);
            drafts.push(Draft::outcome(state.shard, client.command_id, &outcome));
            (Answer::Decided, false, Some(outcome))
        }
        Verdict::Deferred => {
            defer(state, client);
            return;
        }
        Verdict::Attached => {
            if let Some(address) = planted!(RepeatWhilePendingDropped => None; client.reply_to) {
                state.memory.attach(client.command_id, address);
            }
            return;
        }
        Verdict::Replayed => {
            let outcome = replay(state, client);
            (Answer::Decided, true, outcome)
        }
        Verdict::Stale => (Answer::Stale, false, None),
        Verdict::KeyReused => (Answer::KeyReused, false, None),
        Verdict::NotInitialised => (Answer::NotInitialised, false, None),
    };
    if let Some(address) = client.reply_to {
        drafts.extend(Draft::reply(state, address, client.command_id, answer, replayed, outcome));
    }
}

fn defer(state: &mut State, client: &Client<'_>) {
    let copies = client.reply_to.map(|address| Copy {
        partition: address.partition,
        correlation: address.correlation,
        replayed: false,
    });
    let pending = Pending {
        command: client.body.as_ref().map_or("", |command| command.name()).to_owned(),
        caller: client.caller.to_owned(),
        copies: copies.into_iter().collect(),
    };
    state.memory.remember_pending(client.command_id, client.fingerprint, pending);
    let placement = Placement { command_id: client.command_id, positions: BTreeMap::new() };
    state.placements.insert(client.key.to_owned(), placement);
}

/// The stored outcome; the entry lives on from this copy.
fn replay(state: &mut State, client: &Client<'_>) -> Option<Outcome> {
    let Recall::Decided(datum) = state.memory.recall(client.command_id, client.fingerprint) else {
        return None;
    };
    let outcome = Outcome::from_datum(datum)
        .unwrap_or_else(|error| panic!("a remembered outcome cannot be read back: {error}"));
    let dedup_ms = state.rules().map_or(0, |rules| rules.parameters.dedup_ms);
    state.memory.slide(client.command_id, state.now.saturating_add(dedup_ms));
    Some(outcome)
}

/// Whose outcome it is.
struct About<'a> {
    command_id: u128,
    command: &'a str,
    caller: &'a str,
    key: &'a str,
}

fn outcome(
    state: &State,
    about: &About<'_>,
    refusal: Option<Refusal>,
    position: Vec<Position>,
) -> Outcome {
    Outcome {
        command_id: uuid::Uuid::from_u128(about.command_id).to_string(),
        command: about.command.to_owned(),
        kind: state.shard.kind.as_str().to_owned(),
        key: about.key.to_owned(),
        caller: about.caller.to_owned(),
        decided_at: state.now,
        version: state.version_of(about.key),
        refusal,
        order: state.aggregates.orders.get(about.key).map(order::Order::summary),
        position,
    }
}

fn remember(state: &mut State, command_id: u128, fingerprint: u64, outcome: &Outcome) {
    let dedup_ms = state.rules().map_or(0, |rules| rules.parameters.dedup_ms);
    let expires = state.now.saturating_add(dedup_ms);
    state.memory.remember(command_id, fingerprint, outcome.to_datum(), expires);
}
