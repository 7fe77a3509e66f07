//! What product shards answer to orders.

use std::collections::BTreeMap;

use events::{
    Command, Event, Kind,
    command::RecordReservation,
    line::{RefusedLine, ReservedLine},
    partitioner::shard_of,
};

use crate::{FollowUp, Reaction};

/// One answer to each order that stock was held or refused for, all events of a step in one command.
pub(crate) fn answers(events: &[Event], reaction: &Reaction<'_>) -> Vec<FollowUp> {
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
                target: shard_of(Kind::Orders, order_id, reaction.parameters.shards(Kind::Orders)),
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
