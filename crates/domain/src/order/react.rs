//! What orders ask of product shards.

use std::collections::BTreeMap;

use events::{
    Command, Event, Kind, ShardId,
    command::{ReleaseStock, ReserveStock, ShipStock},
    line::LineQuantity,
    order::OrderPlaced,
    partitioner::shard_of,
};

use crate::FollowUp;

/// The commands that follow from an event, for this many product shards.
pub(crate) fn asks(event: &Event, products: i32) -> Vec<FollowUp> {
    match event {
        Event::OrderPlaced(e) => reserve(e, products),
        Event::OrderRejected(e) => release(&e.order_id, &e.released, products),
        Event::OrderCancelled(e) => release(&e.order_id, &e.released, products),
        Event::OrderExpired(e) => release(&e.order_id, &e.released, products),
        Event::LateReservationReleased(e) => release(&e.order_id, &e.released, products),
        Event::OrderShipped(e) => ship(&e.order_id, &e.lines, products),
        // Nobody else must hear the others.
        _ => Vec::new(),
    }
}

fn reserve(placed: &OrderPlaced, partitions: i32) -> Vec<FollowUp> {
    per_shard(
        &placed.lines,
        |line| &line.sku,
        partitions,
        |lines| {
            Command::from(ReserveStock {
                order_id: placed.order_id.clone(),
                currency: placed.currency.clone(),
                lines,
            })
        },
    )
}

fn release(order_id: &str, lines: &[LineQuantity], partitions: i32) -> Vec<FollowUp> {
    per_shard(
        lines,
        |line| &line.sku,
        partitions,
        |lines| Command::from(ReleaseStock { order_id: order_id.to_owned(), lines }),
    )
}

fn ship(order_id: &str, lines: &[LineQuantity], partitions: i32) -> Vec<FollowUp> {
    per_shard(
        lines,
        |line| &line.sku,
        partitions,
        |lines| Command::from(ShipStock { order_id: order_id.to_owned(), lines }),
    )
}

/// One command for each product shard that owns a line's SKU, with the shard's lines in the order
/// in which they were given.
fn per_shard<T: Clone>(
    lines: &[T],
    sku: impl Fn(&T) -> &str,
    partitions: i32,
    command: impl Fn(Vec<T>) -> Command,
) -> Vec<FollowUp> {
    let mut shards: BTreeMap<ShardId, Vec<T>> = BTreeMap::new();
    for line in lines {
        let shard = shard_of(Kind::Products, sku(line), partitions);
        shards.entry(shard).or_default().push(line.clone());
    }
    shards.into_iter().map(|(target, lines)| FollowUp { target, command: command(lines) }).collect()
}
