//! Marks, gaps, steps and the offset hint, record by record.

use super::*;

const ACCEPT: Verdict = Verdict::Accept { is_after_loss: false };

fn record(link_sequence: i64, ends_step: bool) -> Envelope {
    Envelope {
        mark: Mark { incarnation: 0, link_sequence },
        chain: Chain::new(u128::from(link_sequence.unsigned_abs())),
        ends_step,
    }
}

#[test]
fn repeats_are_skipped_and_the_hint_follows() {
    let mut link = Link::new(Checkpoint::default());
    assert_eq!(link.arrive(&record(1, true), 0), ACCEPT);
    assert_eq!(link.arrive(&record(1, true), 1), Verdict::Repeat);
    assert_eq!(link.arrive(&record(2, true), 2), ACCEPT);
    assert_eq!(link.end().mark.link_sequence, 2);
    assert_eq!(link.end().next_offset, 3);
}

#[test]
fn a_gap_is_discarded_and_heals_behind_it() {
    let mut link = Link::new(Checkpoint::default());
    link.arrive(&record(1, true), 0);
    assert_eq!(link.arrive(&record(3, true), 1), Verdict::Gap);
    assert_eq!(link.arrive(&record(4, true), 2), Verdict::Gap);
    assert_eq!(link.arrive(&record(1, true), 3), Verdict::Repeat);
    assert_eq!(link.end().next_offset, 1, "a restart must meet the gap again");
    assert_eq!(link.arrive(&record(2, true), 4), ACCEPT);
    assert_eq!(link.arrive(&record(3, true), 5), ACCEPT);
    assert_eq!(link.end().next_offset, 6);
}

#[test]
fn the_checkpoint_lands_on_the_ends_of_steps() {
    let mut link = Link::new(Checkpoint::default());
    link.arrive(&record(1, true), 0);
    assert_eq!(link.arrive(&record(2, false), 1), ACCEPT);
    assert!(link.is_inside_step());
    // A takeover emits the whole step again.
    assert_eq!(link.arrive(&record(2, false), 2), Verdict::Repeat);
    link.pass(3);
    assert_eq!(link.end().next_offset, 1);
    assert_eq!(link.arrive(&record(3, true), 4), ACCEPT);
    assert_eq!(link.end().mark.link_sequence, 3);
    assert_eq!(link.end().next_offset, 5);
}

#[test]
fn the_last_record_with_another_chain_is_a_contradiction() {
    let mut link = Link::new(Checkpoint::default());
    link.arrive(&record(1, true), 0);
    let other = Envelope { chain: Chain::new(99), ..record(1, true) };
    assert_eq!(link.arrive(&other, 1), Verdict::Contradiction);
}

#[test]
fn only_a_loss_by_retention_lets_a_reader_jump() {
    let mut link = Link::after_loss(Checkpoint::default());
    let jump = Verdict::Accept { is_after_loss: true };
    assert_eq!(link.arrive(&record(40, true), 0), jump);
    assert_eq!(link.arrive(&record(42, true), 1), Verdict::Gap);
}

#[test]
fn a_higher_incarnation_begins_anew() {
    let mut link = Link::new(Checkpoint::default());
    link.arrive(&record(1, true), 0);
    let mut anew = record(1, true);
    anew.mark.incarnation = 1;
    assert_eq!(link.arrive(&anew, 1), ACCEPT);
    assert_eq!(link.arrive(&record(2, true), 2), Verdict::Repeat);
}
