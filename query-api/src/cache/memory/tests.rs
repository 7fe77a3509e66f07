//! Rows that come in any order, and what is then there.

use events::{Kind, ShardId};

use super::*;
use crate::cache::row::Facts;

const QUIET: Duration = Duration::from_secs(3);
const ORDERS: Projection = Projection::Orders;

fn memory() -> Memory {
    Memory::new(Settings { bytes_max: 1 << 20, age: Duration::from_secs(3_600) })
}

fn mark(link_sequence: i64) -> Mark {
    Mark { incarnation: 0, link_sequence }
}

/// A row of partition 3 as of a mark.
fn row(version: i64, at: i64) -> Arc<Row> {
    let facts = Facts { version, generation: 1, partition: 3, mark: mark(at), parked: None };
    Arc::new(Row { body: version.to_string().into(), facts, read_at: Instant::now() })
}

fn version(memory: &Memory, positions: &[Position]) -> Option<i64> {
    match memory.find(&Key::order("o-1"), positions) {
        Found::Fresh(row) => Some(row.facts.version),
        Found::Unfit(_) | Found::Nothing => None,
    }
}

fn position(partition: i32, at: i64) -> Position {
    Position::new(ShardId::new(Kind::Orders, partition), mark(at))
}

#[test]
fn a_late_fill_never_puts_an_older_row_back() {
    let (memory, key) = (memory(), Key::order("o-1"));
    memory.keep(&key, &row(2, 20), 0);
    memory.keep(&key, &row(1, 10), 0);
    assert_eq!(version(&memory, &[]), Some(2));

    memory.changed(&key, 3, mark(30));
    assert_eq!(version(&memory, &[]), None, "the notice drops what was read before");
    memory.keep(&key, &row(2, 25), 0);
    assert_eq!(version(&memory, &[]), None, "a fill from before the change comes late");
    assert!(!memory.is_current(&key, &row(2, 25), 0));
    memory.keep(&key, &row(3, 31), 0);
    assert_eq!(version(&memory, &[]), Some(3));
    memory.changed(&key, 3, mark(30));
    assert_eq!(version(&memory, &[]), Some(3), "a late notice drops nothing that was read since");
}

#[test]
fn a_row_answers_only_positions_that_it_has_passed() {
    let (memory, key) = (memory(), Key::order("o-1"));
    memory.keep(&key, &row(2, 20), 0);
    assert_eq!(version(&memory, &[position(3, 20)]), Some(2));
    assert_eq!(version(&memory, &[position(3, 21)]), None);
    assert_eq!(version(&memory, &[position(4, 900)]), Some(2), "another shard's events");
    let raised = Mark { incarnation: 1, link_sequence: 0 };
    let raised = Position::new(ShardId::new(Kind::Orders, 3), raised);
    assert_eq!(version(&memory, &[raised]), Some(2), "no event since the shard began anew");
}

#[test]
fn a_new_era_forgets_all_rows_of_its_read_model_and_lets_the_shared_tier_rest() {
    let (memory, key) = (memory(), Key::order("o-1"));
    memory.learn(ORDERS, 1, 0, QUIET);
    assert_eq!(memory.shared_generation(ORDERS), Some(1));
    memory.keep(&key, &row(2, 20), 0);
    memory.keep(&Key::product("A"), &row(9, 90), 0);
    memory.forget(ORDERS, Some(2), QUIET);
    assert_eq!(version(&memory, &[]), None);
    assert!(matches!(memory.find(&Key::product("A"), &[]), Found::Fresh(_)));
    assert_eq!(memory.shared_generation(ORDERS), None);

    memory.keep(&key, &row(3, 30), 0);
    assert_eq!(version(&memory, &[]), None, "a row that was read before the switch");
    memory.keep(&key, &row(1, 10), 1);
    assert_eq!(version(&memory, &[]), Some(1), "versions of another era do not count");
}

#[test]
fn a_switch_whose_notice_was_lost_is_seen_in_the_rows() {
    let memory = memory();
    memory.learn(ORDERS, 1, 0, QUIET);
    memory.learn(ORDERS, 2, 0, QUIET);
    assert_eq!(memory.era(ORDERS), 1);
    memory.learn(ORDERS, 1, 0, QUIET);
    assert_eq!(memory.era(ORDERS), 1, "a row of the era before says nothing");
}
