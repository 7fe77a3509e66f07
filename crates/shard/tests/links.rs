//! What shards owe each other and their readers: dense links, repeats skipped, gaps discarded.

mod kit;

use std::collections::BTreeMap;

use events::{Kind, ShardId, Topic};
use kit::{Stored, World, header, place, step_stored};
use shard::{Halt, Notice, Timestamp};

#[test]
fn link_sequences_run_without_holes_in_every_target_partition() {
    let mut world = World::new();
    for sku in ["a", "b", "c", "d", "e"] {
        world.stock(sku, 100, 1_000);
    }
    world.outputs.clear();
    for n in 0..50 {
        world.post(&format!("k{n}"), place(&format!("o-{n}"), &[("a", 1), ("b", 2), ("e", 1)]));
    }
    world.run();
    let mut next: BTreeMap<(String, Topic, i32), i64> = BTreeMap::new();
    for output in &world.outputs {
        let origin = header(output, "origin").expect("an origin");
        let source = origin.split(':').next().expect("a shard").to_owned();
        let sequence: i64 = header(output, "linkseq").expect("a number").parse().expect("a number");
        let last = next.insert((source, output.topic, output.partition), sequence);
        assert!(last.is_none_or(|last| sequence == last + 1));
    }
    let parts_are_whole = world.outputs.iter().all(|output| {
        let (n, of) = header(output, "part").and_then(|p| p.split_once('/')).expect("a part");
        n.parse::<i32>().expect("n") <= of.parse::<i32>().expect("of")
    });
    assert!(parts_are_whole);
}

/// A product shard, and the three follow-ups that it would receive from one order shard.
fn follow_ups() -> (World, ShardId, Vec<Stored>) {
    let mut world = World::new();
    world.stock("a", 100, 10);
    let product_shard = events::partitioner::shard_of(Kind::Products, "a", 4);
    let read = world.states[&product_shard].next_offset();
    // Three orders of one order shard.
    let orders = (0..)
        .map(|n| format!("o-{n}"))
        .filter(|id| events::partitioner::partition_of(id.as_bytes(), 4) == 0);
    for order_id in orders.take(3) {
        world.post(&order_id, place(&order_id, &[("a", 1)]));
    }
    world.run();
    let from = usize::try_from(read).expect("an offset");
    let stored = world.logs[&product_shard][from..from + 3].to_vec();
    let mut fresh = World::new();
    fresh.stock("a", 100, 10);
    (fresh, product_shard, stored)
}

#[test]
fn a_repeat_is_skipped_and_a_gap_is_discarded_until_the_missing_one_arrives() {
    let (mut world, shard, stored) = follow_ups();
    let state = world.states.get_mut(&shard).expect("a state");
    let mut feed = |n: usize| {
        let at = usize::try_from(state.next_offset()).expect("an offset");
        let done = step_stored(state, at, &stored[n]).expect("a step");
        (done.outputs.len(), done.notices)
    };
    let source = ShardId::new(Kind::Orders, 0);
    assert!(feed(0).0 > 0);
    assert_eq!(feed(0), (0, vec![Notice::Repeat(source)]));
    assert_eq!(feed(2), (0, vec![Notice::Gap(source)]));
    assert!(feed(1).0 > 0, "the repair re-emits the missing one");
    assert!(feed(2).0 > 0, "and then the discarded one");
}

#[test]
fn a_follow_up_that_cannot_be_read_stops_the_shard_and_skips_nothing() {
    let (mut world, shard, mut stored) = follow_ups();
    let state = world.states.get_mut(&shard).expect("a state");
    stored[0].value = Some(b"garbage".to_vec());
    let before = state.clone();
    let at = usize::try_from(state.next_offset()).expect("an offset");
    let halt = step_stored(state, at, &stored[0]).expect_err("a halt");
    assert!(matches!(halt, Halt::FollowUpUnreadable { .. }));
    assert_eq!(*state, before);
}

#[test]
fn log_time_never_runs_backwards_and_foreign_timestamps_do_not_move_it() {
    let (mut world, shard, mut stored) = follow_ups();
    let state = world.states.get_mut(&shard).expect("a state");
    let now = state.now();
    stored[0].timestamp = Timestamp::LogAppend(now - 5_000);
    stored[1].timestamp = Timestamp::Foreign(now + 3_600_000);
    for record in &stored[..2] {
        let at = usize::try_from(state.next_offset()).expect("an offset");
        step_stored(state, at, record).expect("a step");
        assert_eq!(state.now(), now);
    }
}
