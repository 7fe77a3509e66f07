//! The same log gives the same bytes: in another run, and from a state that was written and read.

mod kit;

use events::command::{CancelOrder, ShipOrder};
use kit::{World, pay, place, step_stored};
use shard::{State, format};

/// A small history with every fate of an order.
fn history() -> World {
    let mut world = World::new();
    for (sku, quantity) in [("a", 30), ("b", 5), ("c", 100)] {
        world.stock(sku, 250, quantity);
    }
    for n in 0..20 {
        let order_id = format!("o-{n}");
        world.post(&format!("k{n}"), place(&order_id, &[("a", 1), ("b", 1), ("c", 2)]));
        world.now += 7;
        world.run();
        match n % 4 {
            0 => drop(world.post(&format!("p{n}"), pay(&order_id, 1_000))),
            1 => {
                let reason = "no longer wanted".to_owned();
                world.post(&format!("c{n}"), CancelOrder { order_id, reason });
            }
            2 => drop(world.post(&format!("w{n}"), pay(&order_id, 1))),
            _ => {
                world.post(&format!("p{n}"), pay(&order_id, 1_000));
                let reference = "parcel".to_owned();
                world.post(&format!("s{n}"), ShipOrder { order_id, reference });
            }
        }
        world.run();
    }
    world
}

#[test]
fn the_same_history_twice_gives_the_same_bytes() {
    let (first, second) = (history(), history());
    assert_eq!(first.outputs, second.outputs);
    assert_eq!(first.states, second.states);
}

#[test]
fn a_state_read_back_at_any_offset_goes_on_with_the_same_outputs() {
    let world = history();
    for (shard, log) in &world.logs {
        let mut state = State::new(*shard);
        for (at, stored) in log.iter().enumerate() {
            let bytes = format::encode(&state);
            let mut restored = format::decode(&bytes).expect("a state");
            assert_eq!(restored, state);
            assert_eq!(format::encode(&restored), bytes);
            let expected = step_stored(&mut state, at, stored).expect("a step");
            assert_eq!(step_stored(&mut restored, at, stored).expect("a step"), expected);
        }
        assert_eq!(state, world.states[shard]);
    }
}

#[test]
fn damaged_truncated_and_foreign_states_are_refused() {
    let world = history();
    let state = world.states.values().next().expect("a state");
    let bytes = format::encode(state);
    let mut damaged = bytes.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    assert_eq!(format::decode(&damaged), Err(format::Unreadable::Damaged));
    assert!(format::decode(&bytes[..bytes.len() - 1]).is_err());
    assert_eq!(format::decode(b"PK"), Err(format::Unreadable::Foreign));
    let mut newer = bytes;
    newer[5] = 9;
    assert_eq!(format::decode(&newer), Err(format::Unreadable::UnknownVersion(9)));
}

#[test]
fn the_largest_order_fits_every_bound_on_records() {
    let mut world = World::new();
    let sku = |n: usize| format!("{n:0>64}");
    let lines: Vec<(String, i64)> = (0..1_000).map(|n| (sku(n), 1_000_000)).collect();
    let lines: Vec<(&str, i64)> = lines.iter().map(|(sku, q)| (sku.as_str(), *q)).collect();
    let id = "o".repeat(128);
    world.post("k", place(&id, &lines));
    world.run();
    let largest = world.outputs.iter().map(|o| o.value.len()).max().expect("outputs");
    assert!(largest <= 512 * 1024, "the largest output has {largest} bytes");
    let command = world.logs.values().flatten().filter_map(|s| s.value.as_ref()).map(Vec::len);
    assert!(command.max().expect("records") <= 256 * 1024);
}
