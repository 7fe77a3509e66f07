//! The story that the golden log tells: a small deployment, from its first rules to a quiet week
//! later. Every line of it is fixed; a rules version is told the same story, and a chapter of what
//! only it can do.

mod catalogue;
mod foreign;
mod orders;
mod partial;
mod products;
mod repeats;
mod rules;

use std::collections::BTreeMap;

use events::{
    Command, Kind, Money, ShardId,
    command::{Parameters, Tick},
    partitioner::shard_of,
    profile::Profile,
};

use crate::kit::World;

/// How many follow-ups in the log no shard wrote.
pub const FORGED: usize = foreign::FORGED;

/// A world in the making.
pub struct Story {
    pub world: World,
    /// For each shard an offset at which its state is worth keeping.
    pub snapshots: BTreeMap<ShardId, usize>,
    rules: i32,
    /// Idempotency keys used so far.
    keys: u32,
}

/// Tells the story under a rules version.
pub fn tell(rules: i32) -> Story {
    let world = World::empty(parameters());
    let mut story = Story { world, snapshots: BTreeMap::new(), rules, keys: 0 };
    rules::before_the_first(&mut story);
    rules::first(&mut story);
    products::catalogue(&mut story);
    orders::every_fate(&mut story);
    products::counts(&mut story);
    repeats::of_clients(&mut story);
    repeats::of_shards(&mut story);
    foreign::records(&mut story);
    if rules >= 2 {
        partial::reservations(&mut story);
    }
    if rules >= 3 {
        catalogue::listings(&mut story);
    }
    rules::second(&mut story);
    rules::new_incarnation(&mut story);
    orders::a_quiet_week(&mut story);
    story
}

/// Two shards of each kind, so that links cross, and short windows, so that all of them pass.
fn parameters() -> Parameters {
    Parameters {
        orders_partitions: 2,
        products_partitions: 2,
        expire_max: 2,
        evict_max: 3,
        ..Profile::LOCAL.parameters()
    }
}

impl Story {
    /// Appends a client command under a key of its own and lets everything run; gives the key.
    fn post(&mut self, command: impl Into<Command>) -> String {
        let key = self.append(command);
        self.world.run();
        key
    }

    /// Appends a client command under a key of its own; nothing runs yet.
    fn append(&mut self, command: impl Into<Command>) -> String {
        self.keys += 1;
        self.world.now += 7;
        let key = format!("key-{}", self.keys);
        self.world.post(&key, command);
        key
    }

    /// Appends a client command for a certain version of its aggregate, and lets everything run.
    fn post_if_match(&mut self, version: i64, command: impl Into<Command>) {
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        self.world.post_with(&key, command, self.world.now, Some(version));
        self.world.run();
    }

    /// Appends a control record to every shard, and lets everything run.
    fn control_all(&mut self, command: impl Fn(ShardId) -> Command) {
        for shard in self.shards() {
            self.world.append_control(shard, &command(shard));
        }
        self.world.run();
    }

    /// Pieces of a product that a reservation can take.
    fn available(&self, sku: &str) -> i64 {
        let mut products = self.world.states.values().flat_map(shard::State::products);
        products.find(|product| product.sku() == sku).map_or(0, domain::Product::available)
    }

    fn tick(&mut self) {
        self.control_all(|_| Tick {}.into());
    }

    fn shards(&self) -> Vec<ShardId> {
        self.world.logs.keys().copied().collect()
    }

    fn pass(&mut self, ms: i64) {
        self.world.now += ms;
    }
}

/// The n-th name with this prefix that lives in a partition.
fn name_in(kind: Kind, partition: i32, prefix: &str, n: usize) -> String {
    let names = (0..).map(|number| format!("{prefix}-{number}"));
    names
        .filter(|name| shard_of(kind, name, 2).partition == partition)
        .nth(n)
        .expect("names without end")
}

/// The n-th product of a partition.
fn sku(partition: i32, n: usize) -> String {
    name_in(Kind::Products, partition, "tea", n)
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, "GBP")
}
