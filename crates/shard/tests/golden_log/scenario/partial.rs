//! Orders that are reserved without some of their lines, and their ways on.

use events::Kind;

use super::{
    Story, name_in,
    orders::{cancel, ship},
    sku,
};
use crate::kit::{pay, place};

/// In each order shard: paid and shipped, cancelled, cancelled before a mixed answer, left to expire.
pub(super) fn reservations(story: &mut Story) {
    let (plenty, short, far, ghost) = (sku(0, 0), sku(0, 1), sku(1, 0), sku(1, 9));
    let lines = [(plenty.as_str(), 1), (&short, 99), (&far, 2), (&ghost, 1), (&plenty, 1)];
    for partition in 0..2 {
        let id = |prefix: &str| name_in(Kind::Orders, partition, prefix, 0);
        story.post(place(&id("part-shipped"), &lines));
        let total = 2 * 250 + 2 * 201;
        story.post(pay(&id("part-shipped"), total - 1));
        story.post(pay(&id("part-shipped"), total));
        story.post(ship(&id("part-shipped")));
        story.post(place(&id("part-cancelled"), &lines));
        story.post(cancel(&id("part-cancelled")));
        story.append(place(&id("part-late"), &lines));
        story.append(cancel(&id("part-late")));
        story.world.run();
        story.post(place(&id("part-expired"), &lines));
        let mut dear = place(&id("part-dear"), &[(&plenty, 1)]);
        dear.lines[0].unit_price_max = Some(1);
        story.post(dear);
        // The pieces go to the first line that they cover, a later and smaller one gets what is left.
        story.post(place(&id("part-in-turn"), &[(&far, 3), (&far, 1_000), (&far, 1)]));
    }
    story.pass(story.world.parameters.payment_deadline_ms);
    for _ in 0..2 {
        story.tick();
    }
}
