//! From the events of one step to the commands that other shards must hear.

use events::{Command, Event, Kind, Position, ShardId, command::Parameters};

use crate::{order, product};

/// What a reaction needs to know besides the events.
#[derive(Debug, Clone)]
pub struct Reaction<'a> {
    pub parameters: &'a Parameters,
    /// Position of this shard after the step's events.
    pub position: Position,
}

/// A command for another shard; its record is keyed by the command's key, the order id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    pub target: ShardId,
    pub command: Command,
}

/// The follow-ups of one step, sorted by target, and for one target in the order of the events.
///
/// All lines of an order that live in one shard travel in one command: at most one of each kind per
/// order and target. Only a Tick, which expires several orders, has several orders in one step.
pub fn react(events: &[Event], reaction: &Reaction<'_>) -> Vec<FollowUp> {
    let products = reaction.parameters.shards(Kind::Products);
    let mut follow_ups = product::react::answers(events, reaction);
    follow_ups.extend(events.iter().flat_map(|event| order::react::asks(event, products)));
    // A stable sort: the order of the events is kept within a target.
    follow_ups.sort_by_key(|follow_up| follow_up.target);
    follow_ups
}
