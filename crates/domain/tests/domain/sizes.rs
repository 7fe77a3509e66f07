//! The largest orders: every record fits, and every sum fits its integer.

use domain::{
    FollowUp, Reaction,
    bounds::{
        self, COMMAND_BYTES_MAX, LINES_MAX, ON_HAND_MAX, OUTPUT_BYTES_MAX, QUANTITY_MAX, TOTAL_MAX,
        UNIT_PRICE_MAX,
    },
    order::placement_verdict,
    react,
    rules::Version,
};
use events::{
    Command, Event, Kind, Millis, Money, Position, ShardId,
    codec::Record,
    command::{Parameters, PlaceOrder, RecordReservation},
    line::{OrderLine, RefusedLine},
    outcome::Outcome,
    position::Mark,
};

use crate::kit::{Given, given, parameters};

/// As long as an identifier or a SKU may be.
fn longest(sku: usize) -> String {
    format!("{sku:x>64}")
}

fn largest_order() -> PlaceOrder {
    let lines = (1..).zip(0..LINES_MAX).map(|(line, index)| OrderLine {
        line,
        sku: longest(index),
        quantity: QUANTITY_MAX,
        unit_price_max: Some(UNIT_PRICE_MAX),
    });
    PlaceOrder {
        order_id: "o".repeat(128),
        customer_id: Some("c".repeat(128)),
        currency: "EUR".to_owned(),
        lines: lines.collect(),
    }
}

fn one_product_shard() -> Parameters {
    Parameters { products_partitions: 1, ..parameters() }
}

fn follow_ups(events: &[Event]) -> Vec<FollowUp> {
    let parameters = one_product_shard();
    let shard = ShardId::new(Kind::Products, i32::MAX);
    let mark = Mark { incarnation: i64::MAX, link_sequence: i64::MAX };
    let reaction = Reaction { parameters: &parameters, position: Position::new(shard, mark) };
    let follow_ups = react(events, &reaction);
    for follow_up in &follow_ups {
        let bytes = follow_up.command.to_single_object().len();
        assert!(bytes <= OUTPUT_BYTES_MAX, "{} has {bytes} bytes", follow_up.command.name());
    }
    follow_ups
}

/// Decides, checks the size of every event, and returns the events with the state.
fn step(state: Given, command: Command) -> (Given, Vec<Event>) {
    let (state, decision) = state.when(command).into_parts();
    assert_eq!(decision.refusal, None);
    for event in &decision.events {
        let bytes = event.to_datum().len();
        assert!(bytes <= OUTPUT_BYTES_MAX, "{} has {bytes} bytes", event.name());
    }
    (state, decision.events)
}

/// The state with the largest order placed, and the one command that its shard of products hears.
fn placed() -> (Given, Command) {
    let command = Command::from(largest_order());
    assert_eq!(bounds::check(&command), []);
    assert!(command.to_single_object().len() <= COMMAND_BYTES_MAX);
    let (state, events) = step(given([]), command);
    let reserve = follow_ups(&events).remove(0);
    (state, reserve.command)
}

fn stocked(mut state: Given, lines: usize) -> Given {
    for line in largest_order().lines.into_iter().take(lines) {
        let registered = crate::kit::registered(&line.sku, UNIT_PRICE_MAX);
        state = state.with_event(&Event::from(registered)).with_on_hand(&line.sku, ON_HAND_MAX);
    }
    state
}

#[test]
fn the_largest_order_fits_all_its_records_and_reaches_the_highest_total() {
    let (state, reserve) = placed();
    let (state, held) = step(stocked(state, LINES_MAX), reserve);
    assert_eq!(held.len(), LINES_MAX);
    let answer = follow_ups(&held).remove(0);
    let (state, reserved) = step(state, answer.command);
    let [Event::OrderReserved(event)] = &reserved[..] else {
        panic!("the order is reserved, not {reserved:?}");
    };
    assert_eq!(event.total, Money::new(TOTAL_MAX, "EUR"));

    let cancel =
        events::command::CancelOrder { order_id: event.order_id.clone(), reason: "é".repeat(256) };
    let (_, cancelled) = step(state, Command::from(cancel));
    let release = follow_ups(&cancelled).remove(0);
    assert_eq!(release.command.name(), "ReleaseStock");
}

#[test]
fn the_largest_order_that_is_reserved_in_part_fits_all_its_records() {
    let (state, reserve) = placed();
    let (state, held) = step(stocked(state, 1).under(Version::PartialReservation), reserve);
    let answer = follow_ups(&held).remove(0);
    let (_, reserved) = step(state, answer.command);
    let [Event::OrderPartlyReserved(event)] = &reserved[..] else {
        panic!("the order is reserved in part, not {reserved:?}");
    };
    assert_eq!((event.lines.len(), event.refused.len()), (1, LINES_MAX - 1));
}

#[test]
fn the_largest_rejection_fits_all_its_records_and_its_outcome() {
    let (state, reserve) = placed();
    let (state, unknown) = step(state, reserve);
    assert_eq!(follow_ups(&unknown).len(), 1);
    let refused = largest_order().lines.into_iter().map(|line| RefusedLine {
        line: line.line,
        sku: line.sku,
        reason: "currency-mismatch".to_owned(),
        available: Some(ON_HAND_MAX),
    });
    let answer = RecordReservation {
        order_id: largest_order().order_id,
        reserved: vec![],
        refused: refused.collect(),
        position: Position::new(ShardId::new(Kind::Products, 0), Mark::default()),
    };
    let (state, rejected) = step(state, Command::from(answer));
    let outcome = Outcome {
        command_id: "x".repeat(36),
        command: "PlaceOrder".to_owned(),
        kind: "orders".to_owned(),
        key: largest_order().order_id,
        caller: "x".repeat(256),
        decided_at: Millis::MAX,
        version: i64::MAX,
        refusal: placement_verdict(&rejected[0]).flatten(),
        order: Some(state.order(&largest_order().order_id).summary()),
        position: vec![Position::new(ShardId::new(Kind::Orders, 0), Mark::default())],
    };
    assert_eq!(outcome.refusal.as_ref().map(|r| r.lines.len()), Some(LINES_MAX));
    assert!(outcome.to_single_object().len() <= OUTPUT_BYTES_MAX);
}
