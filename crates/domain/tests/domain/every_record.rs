//! What the compiler does not ask for: that every command has its place in its aggregate, and that
//! somebody has thought of what others must hear of every event of an order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::{Aggregates, Rules, bounds, decide, rules::Version};
use events::{Command, Event, Kind, command::Author};
use serde_json::Value;

use super::kit::{NOW, parameters};

/// The commands of the golden files of a record.
fn golden(name: &str) -> Vec<Command> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/tests/golden");
    let text = std::fs::read_to_string(format!("{folder}/{name}.v1.json"));
    let text = text.unwrap_or_else(|error| panic!("{name} has golden bytes: {error}"));
    let golden: Value = serde_json::from_str(&text).unwrap();
    let examples = golden["examples"].as_array().unwrap().iter();
    let bytes = examples.map(|example| bytes(example["single_object"].as_str().unwrap()));
    bytes.map(|bytes| Command::from_single_object(&bytes).unwrap()).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn every_command_is_known_to_its_aggregate() {
    let parameters = parameters();
    let rules = Rules { version: Version::Catalogue, parameters: &parameters };
    for name in Command::NAMES {
        let commands = golden(name);
        assert!(!commands.is_empty(), "{name} has no golden bytes");
        for command in commands.iter().filter(|command| command.author() != Author::Control) {
            bounds::check(command);
            // A follow-up may find that what it is about is not there, and stop; never that nobody
            // knows it.
            let decided = catch_unwind(AssertUnwindSafe(|| {
                decide(&Aggregates::default(), command, NOW, &rules);
            }));
            let why = decided.err().and_then(|why| why.downcast_ref::<String>().cloned());
            assert!(!why.is_some_and(|why| why.contains("does not know it")), "{name}");
        }
    }
}

#[test]
fn what_others_must_hear_of_an_order_is_thought_of() {
    let heard = [
        "OrderPlaced",
        "OrderRejected",
        "OrderCancelled",
        "OrderExpired",
        "LateReservationReleased",
        "OrderShipped",
    ];
    let kept = ["ReservationRecorded", "OrderReserved", "OrderPartlyReserved", "OrderPaid"];
    let of_orders = |name: &&&str| Event::kind_of(name) == Some(Kind::Orders);
    for name in Event::NAMES.iter().filter(of_orders) {
        assert!(
            heard.contains(name) || kept.contains(name),
            "{name}: does order/react.rs tell product shards of it? Then it belongs to one of these"
        );
    }
}
