//! Every fate of an order, and every "no" that an order says to a client.

use events::{
    Kind, Money, ShardId,
    command::{CancelOrder, PayOrder, PlaceOrder, ShipOrder},
};

use super::{Story, name_in, sku};
use crate::kit::{pay, place};

pub(super) fn cancel(order_id: &str) -> CancelOrder {
    CancelOrder { order_id: order_id.to_owned(), reason: "no longer wanted".to_owned() }
}

pub(super) fn ship(order_id: &str) -> ShipOrder {
    ShipOrder { order_id: order_id.to_owned(), reference: "parcel".to_owned() }
}

/// An order for two pieces of a product in each partition.
fn two_shards(order_id: &str) -> PlaceOrder {
    PlaceOrder {
        customer_id: Some("customer 9".to_owned()),
        ..place(order_id, &[(&sku(0, 0), 2), (&sku(1, 0), 2)])
    }
}

/// What [`two_shards`] costs once the first price has changed.
const TWO_SHARDS: i64 = 2 * 250 + 2 * 201;

/// Each fate once in each order shard.
pub(super) fn every_fate(story: &mut Story) {
    for partition in 0..2 {
        let id = |prefix: &str| name_in(Kind::Orders, partition, prefix, 0);
        paid_and_shipped(story, &id("shipped"));
        rejected(story, &id);
        cancelled(story, &id);
        expired(story, &id);
    }
    story.post(pay("nobody-placed-this", 1));
    story.post(cancel("nobody-placed-this"));
    story.post(ship("nobody-placed-this"));
    story.post(place("", &[]));
    story.post(place("negative", &[(&sku(0, 0), -1), ("no sku", 0)]));
}

/// From placed to shipped, with everything asked too early and once more.
pub(super) fn paid_and_shipped(story: &mut Story, order_id: &str) {
    story.append(two_shards(order_id));
    // Stock is not held yet when these are decided.
    story.append(pay(order_id, TWO_SHARDS));
    story.append(ship(order_id));
    story.world.run();
    story.post(ship(order_id));
    story.post(pay(order_id, TWO_SHARDS - 1));
    let amount = Money::new(TWO_SHARDS, "EUR");
    let (order, reference) = (order_id.to_owned(), "dear".to_owned());
    story.post(PayOrder { order_id: order, reference, amount });
    story.post(two_shards(order_id));
    story.post_if_match(7, pay(order_id, TWO_SHARDS));
    let version = 3;
    story.post_if_match(version, pay(order_id, TWO_SHARDS));
    story.post(pay(order_id, TWO_SHARDS));
    story.post(ship(order_id));
    story.post(ship(order_id));
    story.post(pay(order_id, TWO_SHARDS));
    story.post(cancel(order_id));
}

fn rejected(story: &mut Story, id: &impl Fn(&str) -> String) {
    let (plenty, short, dollar) = (sku(0, 0), sku(0, 1), sku(0, 2));
    let (far, far_short, ghost) = (sku(1, 0), sku(1, 1), sku(1, 9));
    story.post(place(&id("short"), &[(&short, 4)]));
    // The sum of two lines counts.
    story.post(place(&id("twice"), &[(&short, 2), (&short, 2)]));
    story.post(place(&id("ghost"), &[(&ghost, 1)]));
    story.post(place(&id("dollar"), &[(&dollar, 1)]));
    let mut dear = place(&id("dear"), &[(&plenty, 1), (&far, 1)]);
    dear.lines[0].unit_price_max = Some(249);
    dear.lines[1].unit_price_max = Some(201);
    story.post(dear);
    // One shard refuses a line and withholds the one beside it, the other gives back what it held.
    story.post(place(&id("mixed"), &[(&plenty, 1), (&short, 9), (&far, 1), (&far, 2)]));
    // Both refuse, and the answer names all lines.
    story.post(place(&id("all"), &[(&short, 9), (&far_short, 9), (&ghost, 1), (&dollar, 1)]));
    story.post(pay(&id("all"), 1));
    story.post(ship(&id("all")));
    story.post(cancel(&id("all")));
}

fn cancelled(story: &mut Story, id: &impl Fn(&str) -> String) {
    let reserved = id("cancel-reserved");
    story.post(two_shards(&reserved));
    story.post(cancel(&reserved));
    story.post(pay(&reserved, TWO_SHARDS));
    story.post(cancel(&reserved));
    let paid = id("cancel-paid");
    story.post(two_shards(&paid));
    story.post(pay(&paid, TWO_SHARDS));
    story.post(cancel(&paid));
    story.post(ship(&paid));
    // Cancelled before the answers: one holds stock, one refuses.
    let placed = id("cancel-placed");
    story.append(place(&placed, &[(&sku(0, 0), 1), (&sku(1, 1), 9)]));
    story.append(cancel(&placed));
    story.world.run();
}

fn expired(story: &mut Story, id: &impl Fn(&str) -> String) {
    let deadline = story.world.parameters.payment_deadline_ms;
    let by_tick: Vec<String> = ["tick-a", "tick-b", "tick-c"].map(id).into();
    for order_id in &by_tick {
        story.post(two_shards(order_id));
    }
    let late = ["late-pay", "late-cancel", "late-ship", "late-place"].map(id);
    for order_id in &late {
        story.post(place(order_id, &[(&sku(0, 0), 1)]));
    }
    story.pass(deadline - 1_000);
    story.tick();
    story.pass(1_000);
    let [pay_late, cancel_late, ship_late, place_late] = &late;
    story.post(pay(pay_late, 250));
    story.post(cancel(cancel_late));
    story.post(ship(ship_late));
    story.post(place(place_late, &[(&sku(0, 0), 1)]));
    // At most two at a time.
    story.tick();
    story.tick();
    story.post(pay(&by_tick[0], TWO_SHARDS));
}

/// Everything final leaves the state; then one order of each living status.
pub(super) fn a_quiet_week(story: &mut Story) {
    story.pass(story.world.parameters.keep_ms);
    for n in 0..12 {
        story.pass(1_000);
        story.tick();
        // A product is asked too, so that its shard forgets as well.
        if n % 4 == 0 {
            story.post(place(&format!("week-{n}"), &[(&sku(0, 0), 1), (&sku(1, 0), 1)]));
        }
    }
    for partition in 0..2 {
        let id = |prefix: &str| name_in(Kind::Orders, partition, prefix, 0);
        story.post(pay(&id("shipped"), TWO_SHARDS));
        story.post(two_shards(&id("cancel-paid")));
        story.post(two_shards(&id("living-paid")));
        story.post(pay(&id("living-paid"), TWO_SHARDS));
        story.post(two_shards(&id("living-reserved")));
        story.post(place(&id("living-rejected"), &[(&sku(0, 1), 9), (&sku(1, 0), 1)]));
        story.append(place(&id("living-cancelled"), &[(&sku(0, 1), 9), (&sku(1, 0), 1)]));
        story.append(cancel(&id("living-cancelled")));
        story.append(two_shards(&id("living-placed")));
        let orders = ShardId::new(Kind::Orders, partition);
        // Between the order and its answers: the state with the most in it.
        story.snapshots.insert(orders, story.world.logs[&orders].len());
        story.world.run();
        let products = ShardId::new(Kind::Products, partition);
        story.snapshots.insert(products, story.world.logs[&products].len());
        story.post(cancel(&id("living-placed")));
    }
}
