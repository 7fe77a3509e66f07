//! Hints with time as an argument.

use events::outcome::Refusal;

use super::*;

const BOUND: Duration = Duration::from_secs(2);

fn ms(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

/// A reply: refused for these SKUs, of which so many pieces are left, or carried out.
fn reply(command: &str, key: &str, refused: &[(&str, i64)]) -> Reply {
    let lines = refused.iter().zip(1..).map(|((sku, left), line)| RefusedLine {
        line,
        sku: (*sku).to_owned(),
        reason: Code::OutOfStock.as_str().to_owned(),
        available: Some(*left),
    });
    let refusal = Refusal {
        code: Code::OutOfStock.as_str().to_owned(),
        detail: String::new(),
        lines: lines.collect(),
    };
    let outcome = Outcome {
        command_id: String::new(),
        command: command.to_owned(),
        kind: String::new(),
        key: key.to_owned(),
        caller: String::new(),
        decided_at: 0,
        version: 1,
        refusal: (!refused.is_empty()).then_some(refusal),
        order: None,
        position: Vec::new(),
    };
    Reply {
        correlation: String::new(),
        command_id: String::new(),
        answer: Answer::Decided,
        replayed: false,
        outcome: Some(outcome),
        now: 0,
        decided_offset: 0,
        dedup_entries: 0,
        live_aggregates: 0,
    }
}

fn refused(lines: &[(&str, i64)]) -> Reply {
    reply("PlaceOrder", "o-1", lines)
}

/// Hints after a refusal of A, appended at the start and told 10 ms later.
fn sold_out(start: Instant, left: i64) -> SoldOut {
    let hints = SoldOut::new(BOUND);
    hints.note(&refused(&[("A", left)]), start, ms(start, 10));
    hints
}

fn turns_away(hints: &SoldOut, wanted: &[(&str, i64)], at: Instant) -> bool {
    hints.left(&wanted.iter().copied().collect(), at).is_some()
}

#[test]
fn an_order_that_wants_more_than_was_left_is_turned_away_and_told_what_was() {
    let start = Instant::now();
    let hints = sold_out(start, 1);
    let left = hints.left(&Pieces::from([("A", 2)]), ms(start, 11));
    assert_eq!(left, Some(Pieces::from([("A", 1)])));
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 12)), "one piece may be there");
    assert!(!turns_away(&hints, &[("B", 9)], ms(start, 13)));
    assert!(!turns_away(&hints, &[], ms(start, 14)));
}

#[test]
fn an_order_is_decided_when_one_of_its_products_may_be_there() {
    let start = Instant::now();
    let hints = sold_out(start, 0);
    assert!(!turns_away(&hints, &[("A", 1), ("B", 1)], ms(start, 11)));
    hints.note(&refused(&[("B", 0)]), start, ms(start, 12));
    assert!(turns_away(&hints, &[("A", 1), ("B", 1)], ms(start, 13)));
}

#[test]
fn a_hint_ends_with_its_bound_counted_from_before_the_append() {
    let start = Instant::now();
    let hints = sold_out(start, 0);
    // The probe that the silence allows.
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 1_998)));
    assert!(turns_away(&hints, &[("A", 1)], ms(start, 1_999)));
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 2_000)));
    let late = SoldOut::new(BOUND);
    late.note(&refused(&[("A", 0)]), start, ms(start, 2_000));
    assert!(!turns_away(&late, &[("A", 1)], ms(start, 2_001)), "told too late to be a hint");
}

#[test]
fn one_order_in_each_interval_is_let_through_and_its_refusal_keeps_the_hint() {
    let start = Instant::now();
    let hints = sold_out(start, 0);
    assert!(turns_away(&hints, &[("A", 1)], ms(start, 209)));
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 210)), "the probe");
    assert!(turns_away(&hints, &[("A", 1)], ms(start, 211)));
    hints.note(&refused(&[("A", 0)]), ms(start, 1_900), ms(start, 1_950));
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 3_000)), "the next probe");
    assert!(turns_away(&hints, &[("A", 1)], ms(start, 3_001)));
}

#[test]
fn a_delivery_ends_the_hint_and_no_refusal_from_before_it_brings_it_back() {
    for sign in ["ReceiveStock", "AdjustStock"] {
        let start = Instant::now();
        let hints = sold_out(start, 0);
        hints.note(&reply(sign, "A", &[]), ms(start, 20), ms(start, 30));
        assert!(!turns_away(&hints, &[("A", 1)], ms(start, 31)), "{sign}");
        hints.note(&refused(&[("A", 0)]), ms(start, 25), ms(start, 40));
        assert!(!turns_away(&hints, &[("A", 1)], ms(start, 41)), "{sign}");
        hints.note(&refused(&[("A", 0)]), ms(start, 50), ms(start, 60));
        assert!(turns_away(&hints, &[("A", 1)], ms(start, 61)), "{sign}");
    }
}

#[test]
fn an_order_that_got_more_than_was_left_ends_the_hint() {
    let start = Instant::now();
    let hints = sold_out(start, 1);
    hints.reserved(&Pieces::from([("A", 1)]), ms(start, 20));
    assert!(turns_away(&hints, &[("A", 2)], ms(start, 21)), "the last piece tells nothing");
    hints.reserved(&Pieces::from([("A", 2)]), ms(start, 30));
    assert!(!turns_away(&hints, &[("A", 2)], ms(start, 31)));
}

#[test]
fn what_was_decided_earlier_is_no_hint_and_the_later_of_two_refusals_counts() {
    let start = Instant::now();
    let hints = SoldOut::new(BOUND);
    hints.note(&Reply { replayed: true, ..refused(&[("A", 0)]) }, start, ms(start, 1));
    hints.note(&Reply { answer: Answer::Stale, ..refused(&[("A", 0)]) }, start, ms(start, 1));
    assert!(!turns_away(&hints, &[("A", 1)], ms(start, 2)));
    hints.note(&refused(&[("A", 5)]), ms(start, 10), ms(start, 20));
    hints.note(&refused(&[("A", 0)]), ms(start, 5), ms(start, 21));
    assert!(!turns_away(&hints, &[("A", 5)], ms(start, 22)), "5 were left later than 0");
}

#[test]
fn without_a_bound_there_are_no_hints_and_their_number_is_bounded() {
    let start = Instant::now();
    let off = SoldOut::new(Duration::ZERO);
    off.note(&refused(&[("A", 0)]), start, start);
    assert!(!turns_away(&off, &[("A", 1)], start));
    let hints = SoldOut::new(BOUND);
    for n in 0..=SKUS_MAX {
        hints.note(&refused(&[(&n.to_string(), 0)]), start, start);
    }
    assert_eq!(hints.table().len(), SKUS_MAX);
    hints.note(&refused(&[("later", 0)]), ms(start, 3_000), ms(start, 3_001));
    assert_eq!(hints.table().len(), 1, "those that are not believed make room");
}
