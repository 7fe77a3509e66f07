//! What a batch comes to when some of its records cannot be applied.

use std::collections::HashMap;

use eventlog::{Partition, Record, Timestamp};
use events::{Event, Kind, Money, Topic, product::ProductRegistered};

use super::{Before, Content, Folded, Read, Unstorable, fold};
use crate::{
    chain::Chain,
    envelope::{Envelope, Foreign},
    fact::{Poison, class},
    intake::{Arrived, Slice},
    link::Checkpoint,
    projection::products::{Product, Products},
    testing::fact,
};

fn partition() -> Partition {
    Partition::of(Topic::Events(Kind::Products), 0)
}

fn registered(sku: &str) -> Content<Event> {
    let event = ProductRegistered {
        sku: sku.to_owned(),
        name: sku.to_owned(),
        price: Money::new(1, "EUR"),
    };
    Ok(fact(event.into(), 1))
}

fn poison() -> Content<Event> {
    Err(Poison::new(class::UNDECODABLE, "garbage"))
}

fn record(offset: i64, key: Option<&str>) -> Record {
    Record::new(partition(), offset, Timestamp::None, key.map(str::as_bytes), None, [])
}

/// A batch of one slice: records with their keys and what they say.
fn batch(entries: Vec<(Option<&str>, Content<Event>)>) -> [Read<Event>; 1] {
    let mut accepted = Vec::new();
    let mut contents = Vec::new();
    for (offset, (key, content)) in (0..).zip(entries) {
        let envelope = Envelope {
            mark: events::position::Mark { incarnation: 0, link_sequence: offset + 1 },
            chain: Chain::new(1),
            ends_step: true,
        };
        accepted.push(Arrived { envelope, record: record(offset, key) });
        contents.push(content);
    }
    let (from, to) = (Checkpoint::default(), Checkpoint::default());
    let slice =
        Slice { partition: partition(), from, to, accepted, foreign: vec![], is_gap_open: false };
    [Read { slice, contents }]
}

fn nothing() -> Before<Product> {
    Before { rows: [].into(), parked: HashMap::new() }
}

fn letters(folded: &Folded<'_, Product>) -> Vec<(i64, &'static str)> {
    folded.letters.iter().map(|letter| (letter.record.offset, letter.class)).collect()
}

#[test]
fn an_unreadable_event_parks_its_key_and_no_other() {
    let batch = batch(vec![
        (Some("a"), poison()),
        (Some("b"), registered("b")),
        (Some("a"), registered("a")),
        (Some("a"), poison()),
    ]);
    let folded = fold::<Products>(&batch, nothing(), &Unstorable::new());
    assert_eq!(letters(&folded), [(0, class::UNDECODABLE), (2, class::PARKED), (3, class::PARKED)]);
    assert_eq!(folded.parked.len(), 1);
    assert_eq!((folded.parked[0].key, folded.parked[0].mark.link_sequence), (&b"a"[..], 1));
    assert_eq!(folded.rows.keys().collect::<Vec<_>>(), [&"b"]);
    assert_eq!(folded.applied_count, 1);
}

#[test]
fn a_key_that_is_parked_already_waits_without_being_parked_again() {
    let batch = batch(vec![(Some("a"), registered("a"))]);
    let mut before = nothing();
    before.parked.entry(partition()).or_default().insert(b"a".to_vec());
    let folded = fold::<Products>(&batch, before, &Unstorable::new());
    assert_eq!(letters(&folded), [(0, class::PARKED)]);
    assert!(folded.parked.is_empty() && folded.rows.is_empty());
}

#[test]
fn an_event_that_does_not_follow_keeps_what_was_applied_before_it() {
    let batch = batch(vec![(Some("a"), registered("a")), (Some("a"), registered("a"))]);
    let folded = fold::<Products>(&batch, nothing(), &Unstorable::new());
    assert_eq!(letters(&folded), [(1, class::UNFIT)]);
    assert_eq!(folded.rows["a"].version, 1);
}

#[test]
fn rows_that_postgresql_refuses_become_letters() {
    let batch = batch(vec![(Some("a"), registered("a")), (Some("b"), registered("b"))]);
    let unstorable = Unstorable::from([("a".to_owned(), "no".to_owned())]);
    let folded = fold::<Products>(&batch, nothing(), &unstorable);
    assert_eq!(letters(&folded), [(0, class::UNSTORABLE)]);
    assert_eq!(folded.rows.keys().collect::<Vec<_>>(), [&"b"]);
}

#[test]
fn a_record_without_a_key_is_a_letter_that_parks_nothing() {
    let batch = batch(vec![(None, poison()), (Some("a"), registered("a"))]);
    let folded = fold::<Products>(&batch, nothing(), &Unstorable::new());
    assert_eq!(letters(&folded), [(0, class::UNDECODABLE)]);
    assert!(folded.parked.is_empty());
    assert_eq!(folded.applied_count, 1);
}

#[test]
fn a_foreign_record_is_a_letter_without_a_place_in_the_link() {
    let mut batch = batch(vec![]);
    batch[0].slice.foreign.push((record(7, Some("a")), Foreign::Header("origin")));
    let folded = fold::<Products>(&batch, nothing(), &Unstorable::new());
    assert_eq!(letters(&folded), [(7, class::FOREIGN_RECORD)]);
    assert_eq!(folded.letters[0].mark, None);
    assert!(folded.parked.is_empty());
}
