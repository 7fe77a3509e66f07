//! Products off sale and on again, and stock that runs low.

use events::{
    Kind, ShardId,
    command::{DeactivateProduct, ReactivateProduct, SetLowStockThreshold},
};

use super::{
    Story, name_in,
    orders::{cancel, ship},
    products::adjust,
    sku,
};
use crate::kit::{pay, place};

fn deactivate(sku: &str) -> DeactivateProduct {
    DeactivateProduct { sku: sku.to_owned(), reason: "recalled \u{26a0}".to_owned() }
}

fn reactivate(sku: &str) -> ReactivateProduct {
    ReactivateProduct { sku: sku.to_owned(), reason: "checked".to_owned() }
}

fn set(sku: &str, threshold: Option<i64>) -> SetLowStockThreshold {
    SetLowStockThreshold { sku: sku.to_owned(), threshold }
}

/// In each partition: an order that holds stock when its product goes off sale goes on, new ones get
/// nothing of it, alone and beside others; and stock falls to a threshold by every kind of event.
pub(super) fn listings(story: &mut Story) {
    for partition in 0..2 {
        let (tea, other) = (sku(partition, 0), sku(1 - partition, 0));
        let id = |prefix: &str| name_in(Kind::Orders, partition, prefix, 0);
        story.post(place(&id("held-then-off"), &[(&tea, 2)]));
        story.post(deactivate(&tea));
        story.post(deactivate(&tea));
        story.post(place(&id("off-alone"), &[(&tea, 1), (&tea, 1)]));
        story.post(place(&id("off-beside"), &[(&tea, 1), (&other, 1), ("ghost", 1)]));
        story.post(cancel(&id("off-beside")));
        story.post(pay(&id("held-then-off"), 2 * if partition == 0 { 250 } else { 201 }));
        story.post(ship(&id("held-then-off")));
        story.post_if_match(2, reactivate(&tea));
        story.post(reactivate(&tea));
        story.post(reactivate(&tea));

        let left = story.available(&tea);
        story.post(set(&tea, Some(left - 1)));
        story.post(set(&tea, Some(left - 1)));
        story.post(place(&id("runs-low"), &[(&tea, 1), (&other, 1)]));
        story.post(cancel(&id("runs-low")));
        story.post(adjust(&tea, -3));
        story.post(adjust(&tea, -1));
        story.post(set(&tea, None));
        story.post(set(&tea, Some(5)));
        story.post(set(&tea, Some(-1)));
        story.post(set("ghost", Some(1)));
        story.post(deactivate("ghost"));
        story.post(reactivate("ghost"));
        story.post(deactivate(&other));
        story.post(reactivate(&other));
    }
    story.post(deactivate(&sku(0, 1)));
    // What version 3 knows of products is in these states.
    for partition in 0..2 {
        let shard = ShardId::new(Kind::Products, partition);
        story.snapshots.insert(shard, story.world.logs[&shard].len());
    }
}
