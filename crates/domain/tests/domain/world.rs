//! A tiny deployment: several shards of both kinds, and links between them that deliver in order,
//! but in any interleaving. Every step checks what must hold at all times.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::{Aggregates, FollowUp, Order, Reaction, Rules, decide, order, react, rules::Version};
use events::{
    Command, Event, Kind, Millis, Position, ShardId, command::Parameters, partitioner::shard_of,
    position::Mark,
};

use crate::kit::{NOW, fold, parameters};

pub(crate) const ORDER_SHARDS: i32 = 2;
pub(crate) const PRODUCT_SHARDS: i32 = 3;

/// All shards with everything that was ever written.
#[derive(Debug, PartialEq)]
pub(crate) struct World {
    pub(crate) now: Millis,
    pub(crate) aggregates: Aggregates,
    /// All events in the order of their steps.
    pub(crate) log: Vec<Event>,
    /// Follow-ups on their way, by source and target; never an empty queue.
    links: BTreeMap<(ShardId, ShardId), VecDeque<Command>>,
    parameters: Parameters,
    /// Which rules each shard has switched to; version 1 where it has not.
    versions: BTreeMap<ShardId, Version>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: NOW,
            aggregates: Aggregates::default(),
            log: Vec::new(),
            links: BTreeMap::new(),
            parameters: Parameters {
                orders_partitions: ORDER_SHARDS,
                products_partitions: PRODUCT_SHARDS,
                ..parameters()
            },
            versions: BTreeMap::new(),
        }
    }

    /// A client's command, and the same once more: only an adjustment may count twice.
    pub(crate) fn client(&mut self, command: &Command) {
        let kind = command.kind().expect("a client's command has a kind");
        let key = command.key().expect("a client's command has a key");
        let shard = shard_of(kind, key, self.parameters.shards(kind));
        // A shard under earlier rules does not even read it.
        if command.first_rules() > 1 && self.version(shard) != Version::Catalogue {
            return;
        }
        self.step(shard, command);
        if !matches!(command, Command::AdjustStock(_)) {
            let again = self.decide(shard, command);
            assert_eq!(again.events, [], "the same command again writes no event");
        }
    }

    /// Delivers the oldest follow-up of one of the links; false when none is on its way.
    pub(crate) fn deliver(&mut self, choice: usize) -> bool {
        let busy = self.links.len().max(1);
        let Some((&link, _)) = self.links.iter().nth(choice % busy) else {
            return false;
        };
        let queue = self.links.get_mut(&link).expect("the link was just found");
        let command = queue.pop_front().expect("no queue is empty");
        if queue.is_empty() {
            self.links.remove(&link);
        }
        let refusal = self.decide(link.1, &command).refusal;
        assert_eq!(refusal, None, "follow-ups are never refused");
        self.step(link.1, &command);
        true
    }

    /// One shard switches, forward or back; the others have not heard of it yet.
    pub(crate) fn switch(&mut self, choice: usize, version: Version) {
        let shards = [(Kind::Orders, ORDER_SHARDS), (Kind::Products, PRODUCT_SHARDS)];
        let all: Vec<ShardId> = shards
            .into_iter()
            .flat_map(|(kind, count)| (0..count).map(move |n| ShardId::new(kind, n)))
            .collect();
        self.versions.insert(all[choice % all.len()], version);
    }

    /// Time passes, and each shard of orders expires what is due in one step.
    pub(crate) fn pass(&mut self, milliseconds: Millis) {
        self.now += milliseconds;
        for partition in 0..ORDER_SHARDS {
            let shard = ShardId::new(Kind::Orders, partition);
            let mine = |order: &&Order| shard_of(Kind::Orders, order.id(), ORDER_SHARDS) == shard;
            let orders = self.aggregates.orders.values().filter(mine);
            let due = orders.filter_map(|order| order::expire(order, self.now));
            let mut due: Vec<Event> = due.collect();
            due.sort_by(|a, b| a.key().cmp(b.key()));
            self.apply(shard, due);
        }
    }

    pub(crate) fn drain(&mut self) {
        while self.deliver(0) {}
    }

    fn decide(&self, shard: ShardId, command: &Command) -> domain::Decision {
        let seen = self.seen_by(shard);
        let version = self.version(shard);
        decide(&seen, command, self.now, &Rules { version, parameters: &self.parameters })
    }

    /// What one shard sees: a command that went to the wrong shard finds nothing.
    fn seen_by(&self, shard: ShardId) -> Aggregates {
        let mut seen = self.aggregates.clone();
        let shard_of = |kind, key: &str| shard_of(kind, key, self.parameters.shards(kind));
        seen.orders.retain(|id, _| shard_of(Kind::Orders, id) == shard);
        seen.products.retain(|sku, _| shard_of(Kind::Products, sku) == shard);
        seen
    }

    fn version(&self, shard: ShardId) -> Version {
        self.versions.get(&shard).copied().unwrap_or(Version::WholeOrders)
    }

    fn step(&mut self, shard: ShardId, command: &Command) {
        let decision = self.decide(shard, command);
        self.apply(shard, decision.events);
    }

    fn apply(&mut self, shard: ShardId, events: Vec<Event>) {
        for event in &events {
            fold(&mut self.aggregates, event);
        }
        for product in self.aggregates.products.values() {
            assert!(product.reserved() >= 0 && product.reserved() <= product.on_hand());
        }
        let reaction = Reaction {
            parameters: &self.parameters,
            position: Position::new(shard, Mark::default()),
        };
        let follow_ups = react(&events, &reaction);
        self.log.extend(events);
        assert_one_of_a_kind(&follow_ups);
        for FollowUp { target, command } in follow_ups {
            let link = self.links.entry((shard, target)).or_default();
            link.push_back(command);
        }
    }
}

/// All lines of an order for one shard travel in one command, and targets rise.
fn assert_one_of_a_kind(follow_ups: &[FollowUp]) {
    assert!(follow_ups.is_sorted_by_key(|follow_up| follow_up.target));
    let names: BTreeSet<_> = follow_ups
        .iter()
        .map(|follow_up| (follow_up.target, follow_up.command.name(), follow_up.command.key()))
        .collect();
    assert_eq!(names.len(), follow_ups.len());
}
