//! Which commands other shards hear.

use domain::{FollowUp, Reaction, react};
use events::{
    Command, Event, Kind, Position, ShardId,
    command::{Parameters, RecordReservation, ReleaseStock, ReserveStock, ShipStock},
    line::{OrderLine, ReservedLine},
    order::OrderExpired,
    partitioner::shard_of,
    position::Mark,
    product::StockReserved,
};

use crate::{
    kit::{held, history, line, parameters, placed},
    order::{cancelled, paid, shipped},
};

fn reactions(events: &[Event]) -> Vec<FollowUp> {
    let parameters = parameters();
    let reaction = Reaction { parameters: &parameters, position: position() };
    react(events, &reaction)
}

fn position() -> Position {
    let mark = Mark { incarnation: 1, link_sequence: 7 };
    Position::new(ShardId::new(Kind::Products, 2), mark)
}

/// Enough SKUs to reach every product shard, some of them twice.
fn wide() -> Vec<OrderLine> {
    let numbers = 1..=12;
    numbers.map(|n| line(n, &format!("sku-{}", n % 9), i64::from(n))).collect()
}

fn of_shard(lines: &[OrderLine], shard: ShardId, parameters: &Parameters) -> Vec<OrderLine> {
    let partitions = parameters.products_partitions;
    let mine = |line: &&OrderLine| shard_of(Kind::Products, &line.sku, partitions) == shard;
    lines.iter().filter(mine).cloned().collect()
}

/// What every product shard that owns a line must hear, by partition.
fn expected(command: impl Fn(Vec<OrderLine>) -> Command) -> Vec<FollowUp> {
    let parameters = parameters();
    (0..parameters.products_partitions)
        .map(|partition| ShardId::new(Kind::Products, partition))
        .map(|target| (target, of_shard(&wide(), target, &parameters)))
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(target, lines)| FollowUp { target, command: command(lines) })
        .collect()
}

#[test]
fn a_placed_order_asks_each_product_shard_once() {
    let expected = expected(|lines| {
        Command::from(ReserveStock { order_id: "o".to_owned(), currency: "EUR".to_owned(), lines })
    });
    assert!(expected.len() > 1);
    assert_eq!(reactions(&history![placed(wide())]), expected);
}

#[test]
fn stock_that_is_no_longer_needed_is_given_back_shard_by_shard() {
    let expected = expected(|lines| {
        Command::from(ReleaseStock { order_id: "o".to_owned(), lines: held(&lines) })
    });
    assert_eq!(reactions(&history![cancelled(&placed(wide()), None)]), expected);
    assert_eq!(reactions(&history![cancelled(&placed([]), None)]), []);
}

#[test]
fn a_shipped_order_ships_the_held_stock() {
    let expected = expected(|lines| {
        Command::from(ShipStock { order_id: "o".to_owned(), lines: held(&lines) })
    });
    assert_eq!(reactions(&history![shipped(&placed(wide()))]), expected);
}

#[test]
fn a_step_of_a_product_shard_is_one_answer_with_its_position() {
    let hold = |sku: &str, unit_price, lines: &[i32]| StockReserved {
        sku: sku.to_owned(),
        order_id: "o".to_owned(),
        quantity: 1,
        unit_price,
        lines: lines.to_vec(),
    };
    let prices = [(1, 20), (2, 10), (4, 20)];
    let reserved = prices.map(|(line, unit_price)| ReservedLine { line, unit_price });
    let answer = FollowUp {
        target: shard_of(Kind::Orders, "o", parameters().orders_partitions),
        command: Command::from(RecordReservation {
            order_id: "o".to_owned(),
            reserved: reserved.to_vec(),
            refused: vec![],
            position: position(),
        }),
    };
    let step = history![hold("A", 10, &[2]), hold("B", 20, &[1, 4])];
    assert_eq!(reactions(&step), [answer]);
}

#[test]
fn orders_that_expire_in_one_step_are_told_apart() {
    let expired = |id: &str| OrderExpired { order_id: id.to_owned(), released: held(&wide()) };
    let follow_ups = reactions(&history![expired("o2"), expired("o1")]);
    let heard: Vec<(ShardId, Option<&str>)> =
        follow_ups.iter().map(|follow_up| (follow_up.target, follow_up.command.key())).collect();
    let shards = expected(|_| Command::Tick(events::command::Tick {}));
    let wanted: Vec<(ShardId, Option<&str>)> = shards
        .iter()
        .flat_map(|shard| [(shard.target, Some("o2")), (shard.target, Some("o1"))])
        .collect();
    assert_eq!(heard, wanted);
}

#[test]
fn other_events_concern_nobody_else() {
    assert_eq!(reactions(&history![paid(1_500)]), []);
}
