//! Control records: the first rules, a second revision, a new incarnation, and refused ones.

use events::{
    Command, Kind, ShardId,
    command::{ActivateRules, Parameters, ProposeRules, RaiseIncarnation, RegisterProduct, Tick},
};

use super::{Story, gbp, orders, sku};
use crate::kit::place;

fn proposal(story: &Story, shard: ShardId, revision: i64, parameters: Parameters) -> Command {
    let stream_id = format!("stream-{}-{}-{revision}", shard.kind, shard.partition);
    ProposeRules { revision, rules: story.rules, stream_id, parameters }.into()
}

/// Nobody is decided upon yet.
pub(super) fn before_the_first(story: &mut Story) {
    story.append(place("too-early", &[(&sku(0, 0), 1)]));
    story.append(RegisterProduct { sku: sku(0, 0), name: "Too early".to_owned(), price: gbp(1) });
    let first = ShardId::new(Kind::Products, 0);
    story.world.append(first, None, Some(b"garbage".to_vec()), Vec::new());
    story.world.append_control(first, &Tick {}.into());
    story.world.append_control(first, &ActivateRules { revision: 1 }.into());
    story.world.run();
}

pub(super) fn first(story: &mut Story) {
    let parameters = story.world.parameters;
    for shard in story.shards() {
        let command = proposal(story, shard, 1, parameters);
        story.world.append_control(shard, &command);
        story.world.append_control(shard, &ActivateRules { revision: 1 }.into());
    }
    story.world.run();
    // A repeat of the activation changes nothing.
    story.control_all(|_| ActivateRules { revision: 1 }.into());
}

/// A shorter deadline, which reaches the product shards by the follow-ups of the order shards.
pub(super) fn second(story: &mut Story) {
    let orders = ShardId::new(Kind::Orders, 0);
    let more = Parameters { orders_partitions: 3, ..story.world.parameters };
    let careless = Parameters { dedup_ms: 0, ..story.world.parameters };
    for refused in [more, careless] {
        let command = proposal(story, orders, 2, refused);
        story.world.append_control(orders, &command);
    }
    let known = proposal(story, orders, 1, story.world.parameters);
    story.world.append_control(orders, &known);
    story.world.append_control(orders, &ActivateRules { revision: 9 }.into());
    story.world.run();

    let shorter = Parameters { payment_deadline_ms: 60_000, ..story.world.parameters };
    for shard in story.shards() {
        let command = proposal(story, shard, 2, shorter);
        story.world.append_control(shard, &command);
    }
    story.world.run();
    for partition in 0..2 {
        let shard = ShardId::new(Kind::Orders, partition);
        story.world.append_control(shard, &ActivateRules { revision: 2 }.into());
    }
    story.world.run();
    orders::paid_and_shipped(story, "second-revision");
}

/// As after a truncated log: links count from 1 again.
pub(super) fn new_incarnation(story: &mut Story) {
    story.control_all(|_| RaiseIncarnation { incarnation: 1 }.into());
    // Not higher than before, so it changes nothing.
    story.control_all(|_| RaiseIncarnation { incarnation: 1 }.into());
    orders::paid_and_shipped(story, "second-incarnation");
}
