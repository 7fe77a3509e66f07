//! The catalogue, its stock, and every "no" that a product says to a client.

use events::{
    Money,
    command::{AdjustStock, ChangePrice, ReceiveStock, RegisterProduct},
};

use super::{Story, gbp, sku};

fn register(sku: &str, price: Money) -> RegisterProduct {
    RegisterProduct { sku: sku.to_owned(), name: format!("Tea \u{8336} {sku}"), price }
}

fn receive(sku: &str, reference: &str, quantity: i64) -> ReceiveStock {
    ReceiveStock { sku: sku.to_owned(), reference: reference.to_owned(), quantity }
}

pub(super) fn adjust(sku: &str, quantity: i64) -> AdjustStock {
    AdjustStock { sku: sku.to_owned(), quantity, reason: "stocktaking".to_owned() }
}

fn change_price(sku: &str, price: Money) -> ChangePrice {
    ChangePrice { sku: sku.to_owned(), price }
}

/// In both partitions two products in pounds with plenty of stock, and one in dollars in the first.
/// The second of each partition is short: 3 pieces.
pub(super) fn catalogue(story: &mut Story) {
    for partition in 0..2 {
        for (n, quantity) in [(0, 1_000), (1, 3)] {
            let sku = sku(partition, n);
            story.post(register(&sku, gbp(200 + i64::from(partition))));
            story.post(receive(&sku, "first delivery", quantity));
        }
    }
    story.post(register(&sku(0, 2), Money::new(500, "USD")));
    story.post(receive(&sku(0, 2), "first delivery", 10));

    let tea = sku(0, 0);
    story.post(register(&tea, gbp(200)));
    story.post(register(&tea, gbp(201)));
    story.post(receive(&tea, "first delivery", 1_000));
    story.post(receive(&tea, "first delivery", 999));
    story.post(change_price(&tea, gbp(250)));
    story.post(change_price(&tea, gbp(250)));
    story.post(change_price(&tea, Money::new(250, "EUR")));
    story.post_if_match(3, receive(&tea, "second delivery", 5));
    story.post_if_match(3, receive(&tea, "third delivery", 5));

    let ghost = sku(1, 9);
    story.post(receive(&ghost, "first delivery", 1));
    story.post(change_price(&ghost, gbp(1)));
    story.post(adjust(&ghost, 1));
    story.post(register("no sku", gbp(0)));
    story.post(receive(&tea, " spaces ", 1_000_001));
    story.post(adjust(&tea, 0));
}

/// Counting the shelves while orders hold stock.
pub(super) fn counts(story: &mut Story) {
    for partition in 0..2 {
        story.post(adjust(&sku(partition, 0), 12));
        story.post(adjust(&sku(partition, 0), -2));
        story.post(adjust(&sku(partition, 0), -1_000_000));
    }
}
