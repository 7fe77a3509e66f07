//! Speed of the read side, each figure beside its baseline from the same run:
//!
//! - `rebuild`: the orders projection from the first event, in events a second, and how long `COPY`
//!   needs for the same rows into the same tables;
//! - `visible`: the delay from an event's commit in the log to its row, at so many orders a second,
//!   written by a clock and not by answers.
//!
//! `cargo bench --workspace --bench read_side`; ORDERS, RATE and SECONDS change the amounts. Prints a
//! line of JSON per measurement. PostgreSQL waits for the disk at every commit, as in production.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod copied;
mod filled;
mod visible;

use std::sync::Arc;

use devstack::{Options, Parts, Stack};
use events::{Kind, ShardId, Topic, profile::Profile};
use support::{
    history::{self, Step},
    shard::{Output, outputs},
    world::{RUNTIME, World},
};

const ORDERS: Topic = Topic::Events(Kind::Orders);

fn main() {
    RUNTIME.block_on(async {
        let parts = Parts { kafka: true, postgres: true, registry: true, ..Parts::NONE };
        let options = Options { parts, durable: true, ..Options::default() };
        let stack = Stack::start(options).await.expect("a stack");
        let world = Arc::new(World::of(stack).await);
        let deployment = world.deployment().await;
        let stories = stories(amount("ORDERS", 80_000));
        let shards = written(&stories);
        for (partition, outputs) in (0..).zip(&shards) {
            world.write(ORDERS, partition, outputs).await;
        }
        let projector = filled::live(&deployment, &shards).await;
        filled::rebuilt(&world, &deployment).await;
        copied::all(&deployment).await;
        visible::at_a_rate(&world, &deployment, stories).await;
        let _ = projector.stop().await;
        deployment.close().await;
    });
}

/// The steps of so many orders, spread evenly. A hundred at a time are under way in each shard.
fn stories(orders: usize) -> Vec<Vec<Step>> {
    let partitions = usize::try_from(Profile::LOCAL.orders_partitions).expect("few");
    let groups = orders / 100 / partitions;
    let story = |partition| {
        let group = |n| history::orders(&format!("o-{partition}-{n}"), 100);
        (0..groups).flat_map(group).collect()
    };
    (0..partitions).map(story).collect()
}

/// What the shards write, partition by partition.
fn written(stories: &[Vec<Step>]) -> Vec<Vec<Output>> {
    let shard = |partition| ShardId::new(Kind::Orders, partition);
    (0..).zip(stories).map(|(partition, steps)| outputs(shard(partition), steps)).collect()
}

/// A number from the environment.
fn amount(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}
