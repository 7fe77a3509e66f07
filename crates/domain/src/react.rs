//! From the events of one step to the commands that other shards must hear.

use std::collections::BTreeMap;

use events::{
    Command, Event, Kind, Position, ShardId,
    command::{Parameters, RecordReservation, ReleaseStock, ReserveStock, ShipStock},
    line::{LineQuantity, RefusedLine, ReservedLine},
    order::OrderPlaced,
    partitioner::shard_of,
};

/// What a reaction needs to know besides the events.
#[derive(Debug, Clone)]
pub struct Reaction<'a> {
    pub parameters: &'a Parameters,
    /// Position of this shard after the step's events.
    pub position: Position,
}

/// A command for another shard; its record is keyed by the command's key, the order id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    pub target: ShardId,
    pub command: Command,
}

/// The follow-ups of one step, sorted by target, and for one target in the order of the events.
///
/// All lines of an order that live in one shard travel in one command: at most one of each kind per
/// order and target. Only a Tick, which expires several orders, has several orders in one step.
pub fn react(events: &[Event], reaction: &Reaction<'_>) -> Vec<FollowUp> {
    let products = reaction.parameters.products_partitions;
    let mut follow_ups = answers(events, reaction);
    for event in events {
        match event {
            Event::OrderPlaced(e) => follow_ups.extend(reserve(e, products)),
            Event::OrderRejected(e) => {
                follow_ups.extend(release(&e.order_id, &e.released, products));
            }
            Event::OrderCancelled(e) => {
                follow_ups.extend(release(&e.order_id, &e.released, products));
            }
            Event::OrderExpired(e) => {
                follow_ups.extend(release(&e.order_id, &e.released, products));
            }
            Event::LateReservationReleased(e) => {
                follow_ups.extend(release(&e.order_id, &e.released, products));
            }
            Event::OrderShipped(e) => follow_ups.extend(ship(&e.order_id, &e.lines, products)),
            // Answered above, all of a step in one command.
            Event::StockReserved(_) | Event::ReservationRefused(_) => {}
            // Nobody else must hear these.
            Event::ProductRegistered(_)
            | Event::PriceChanged(_)
            | Event::StockReceived(_)
            | Event::StockAdjusted(_)
            | Event::StockReleased(_)
            | Event::StockShipped(_)
            | Event::ProductDeactivated(_)
            | Event::ProductReactivated(_)
            | Event::LowStockThresholdSet(_)
            | Event::StockRanLow(_)
            | Event::ReservationRecorded(_)
            | Event::OrderReserved(_)
            | Event::OrderPartlyReserved(_)
            | Event::OrderPaid(_) => {}
        }
    }
    // A stable sort: the order of the events is kept within a target.
    follow_ups.sort_by_key(|follow_up| follow_up.target);
    follow_ups
}

/// What a product shard answers to the orders it held or refused stock for.
fn answers(events: &[Event], reaction: &Reaction<'_>) -> Vec<FollowUp> {
    let mut answers: BTreeMap<&str, (Vec<ReservedLine>, Vec<RefusedLine>)> = BTreeMap::new();
    for event in events {
        match event {
            Event::StockReserved(e) => {
                let unit_price = e.unit_price;
                let lines = e.lines.iter().map(|&line| ReservedLine { line, unit_price });
                answers.entry(&e.order_id).or_default().0.extend(lines);
            }
            Event::ReservationRefused(e) => {
                let lines = e.lines.iter().cloned();
                answers.entry(&e.order_id).or_default().1.extend(lines);
            }
            _ => {}
        }
    }
    answers
        .into_iter()
        .map(|(order_id, (mut reserved, mut refused))| {
            reserved.sort_by_key(|line| line.line);
            refused.sort_by_key(|line| line.line);
            FollowUp {
                target: shard_of(Kind::Orders, order_id, reaction.parameters.orders_partitions),
                command: Command::from(RecordReservation {
                    order_id: order_id.to_owned(),
                    reserved,
                    refused,
                    position: reaction.position.clone(),
                }),
            }
        })
        .collect()
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
