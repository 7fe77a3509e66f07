//! Copies: of clients that try again, and of shards that send again.

use events::{Kind, Origin, ShardId, command::PlaceOrder, header};

use super::{Story, sku};
use crate::kit::{Stored, pay, place};

fn order(order_id: &str, quantity: i64) -> PlaceOrder {
    place(order_id, &[(&sku(0, 0), quantity)])
}

pub(super) fn of_clients(story: &mut Story) {
    let issued_at = story.world.now;
    // While the outcome is pending; only the newest four copies are kept.
    for _ in 0..6 {
        story.world.post("patient", order("copied", 1));
    }
    story.world.post("patient", order("copied", 2));
    story.world.run();
    // After it was decided, with the same body and with another.
    story.world.post("patient", order("copied", 1));
    story.world.post("patient", order("copied", 2));
    story.world.run();
    // Outside the window on either side.
    story.pass(story.world.parameters.accept_ms + 1);
    story.world.post_with("patient", order("copied", 1), issued_at, None);
    let future = story.world.now + story.world.parameters.skew_ms + 1;
    story.world.post_with("hasty", pay("copied", 250), future, None);
    story.world.run();
    // A copy makes the memory last; without one it is forgotten, a few entries at a time.
    for _ in 0..2 {
        story.pass(story.world.parameters.dedup_ms - 1);
        story.world.post("patient", order("copied", 1));
        story.world.run();
    }
    story.pass(2 * story.world.parameters.dedup_ms);
    for _ in 0..20 {
        story.tick();
    }
    story.world.post("patient", order("copied", 1));
    story.world.run();
}

pub(super) fn of_shards(story: &mut Story) {
    let products = ShardId::new(Kind::Products, 0);
    story.post(order("sent-again", 1));
    let sent = follow_ups(&story.world.logs[&products]);
    // The last two once more, as a restored owner sends them.
    for stored in &sent[sent.len() - 2..] {
        again(story, products, stored.clone());
    }
    // One whose predecessors are missing.
    let mut ahead = sent[sent.len() - 1].clone();
    for (name, value) in &mut ahead.headers {
        if name == header::LINK_SEQUENCE {
            *value = b"9000".to_vec();
        }
    }
    again(story, products, ahead);
    story.world.run();
}

fn again(story: &mut Story, shard: ShardId, stored: Stored) {
    story.pass(1);
    story.world.append(shard, stored.key.as_deref(), stored.value, stored.headers);
}

fn follow_ups(log: &[Stored]) -> Vec<Stored> {
    let is_output = |stored: &&Stored| {
        stored.headers.iter().any(|(name, value)| {
            name == header::ORIGIN
                && std::str::from_utf8(value).is_ok_and(|text| text.parse::<Origin>().is_ok())
        })
    };
    log.iter().filter(is_output).cloned().collect()
}
