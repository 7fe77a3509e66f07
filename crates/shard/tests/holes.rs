//! A log with offsets that hold no record: owners agree about it, and a lost record is no hole.

mod kit;

use events::{Kind, ShardId, header::View};
use kit::{Stored, World, pay, place};
use shard::{
    Output, Record,
    owner::Commit,
    processor::{Committed, Offsets, Processor, Taken},
};

const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

/// Records with their offsets; behind every third one a hole.
fn log() -> Vec<(i64, Stored)> {
    let mut world = World::new();
    world.stock("a", 250, 1_000);
    for n in 0..20 {
        world.post(&format!("k{n}"), place(&format!("o-{n}"), &[("a", 1)]));
        world.run();
        world.post(&format!("p{n}"), pay(&format!("o-{n}"), 250));
        world.now += 11;
        world.run();
    }
    let stored = world.logs.remove(&SHARD).expect("the shard's log");
    let log: Vec<(i64, Stored)> = (0_i64..).map(|at| at + at / 3).zip(stored).collect();
    assert!(log.len() > 15, "enough records to choose from: {}", log.len());
    log
}

fn high(log: &[(i64, Stored)]) -> i64 {
    // The log ends with a hole.
    log.last().map_or(0, |(offset, _)| offset + 2)
}

fn feed(processor: &mut Processor, (offset, stored): &(i64, Stored)) -> Taken {
    let headers: Vec<(&str, &[u8])> =
        stored.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let record = Record {
        offset: *offset,
        timestamp: stored.timestamp,
        key: stored.key.as_deref(),
        value: stored.value.as_deref(),
        headers: View(&headers),
    };
    processor.record(SHARD, &record, 0)
}

/// Hands everything that waits to the producer.
fn send(processor: &mut Processor) -> Vec<(u64, Output)> {
    let mut sent = Vec::new();
    while let Some((output, tag)) = processor.front() {
        sent.push((tag, output.clone()));
        processor.sent();
    }
    sent
}

fn committed(commit: &Commit) -> Committed {
    Committed { offset: commit.offset, metadata: commit.metadata() }
}

/// Begins an ownership behind a commit and feeds it; gives what it sends, and whether it is live.
fn owned(log: &[(i64, Stored)], commit: &Commit) -> (Vec<Output>, bool) {
    let mut processor = Processor::default();
    processor.assigned([SHARD]);
    let offsets = Offsets { low: 0, high: high(log) };
    let start = processor.restore(SHARD, offsets, Some(&committed(commit))).expect("possible");
    for record in log.iter().filter(|(offset, _)| *offset >= start) {
        let taken = feed(&mut processor, record);
        assert!(matches!(taken, Taken::Stepped { .. }), "{taken:?}");
    }
    let outputs = send(&mut processor).into_iter().map(|(_, output)| output).collect();
    (outputs, processor.census().live == 1)
}

#[test]
fn whatever_was_committed_a_new_owner_is_live_and_sends_the_rest() {
    let log = log();
    let mut first = Processor::default();
    first.assigned([SHARD]);
    first.restore(SHARD, Offsets { low: 0, high: high(&log) }, None).expect("possible");
    let mut sent: Vec<(u64, Output)> = Vec::new();
    for record in &log {
        assert!(matches!(feed(&mut first, record), Taken::Stepped { .. }));
        sent.extend(send(&mut first));
    }
    let all: Vec<Output> = sent.iter().map(|(_, output)| output.clone()).collect();
    let mut commits = 0;
    for (tag, _) in sent {
        first.acknowledged(tag);
        for (_, commit) in first.commits() {
            commits += 1;
            let (again, is_live) = owned(&log, &commit);
            assert!(is_live, "not live behind {commit:?}");
            assert!(all.ends_with(&again), "other outputs behind {commit:?}");
            let is_last = commit.offset > log[log.len() - 1].0;
            assert_eq!(again.is_empty(), is_last, "{commit:?}");
        }
    }
    assert!(commits > 10, "{commits}");
}

#[test]
fn an_owner_that_lost_a_record_below_the_commit_halts_and_sends_nothing() {
    let log = log();
    let mut first = Processor::default();
    first.assigned([SHARD]);
    first.restore(SHARD, Offsets { low: 0, high: high(&log) }, None).expect("possible");
    let middle = log.len() / 2;
    for record in &log[..middle] {
        feed(&mut first, record);
    }
    for (tag, _) in send(&mut first) {
        first.acknowledged(tag);
    }
    let (_, commit) = first.commits().pop().expect("a commit");
    for lost in 0..middle {
        let mut processor = Processor::default();
        processor.assigned([SHARD]);
        let offsets = Offsets { low: 0, high: high(&log) };
        processor.restore(SHARD, offsets, Some(&committed(&commit))).expect("possible");
        let left = log.iter().enumerate().filter(|(at, _)| *at != lost);
        let halted = left
            .map(|(_, record)| feed(&mut processor, record))
            .find_map(|taken| if let Taken::Halted(reason) = taken { Some(reason) } else { None });
        assert!(halted.is_some(), "nobody missed record {lost}");
        assert_eq!(send(&mut processor), [], "record {lost}");
    }
}
