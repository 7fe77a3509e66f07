//! Snapshots: taken beside the owner, begun with at any offset, and refused when they do not fit.

mod kit;

use events::{Kind, ShardId};
use kit::{Stored, World, pay, place, step_stored};
use shard::{
    Halt, Output, Record, State, format,
    owner::Commit,
    processor::{Committed, Impossible, Offsets, Processor, Taken},
    snapshot::{Recorder, Snapshot},
};

const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

/// The log of one shard with a few orders, and its state before every record.
struct History {
    log: Vec<Stored>,
    states: Vec<State>,
    outputs: Vec<Vec<Output>>,
}

fn history() -> History {
    let mut world = World::new();
    world.stock("a", 250, 1_000);
    for n in 0..40 {
        world.post(&format!("k{n}"), place(&format!("o-{n}"), &[("a", 1)]));
        world.run();
        world.post(&format!("p{n}"), pay(&format!("o-{n}"), 250));
        world.now += 11;
        world.run();
    }
    let log = world.logs.remove(&SHARD).expect("the shard's log");
    let (mut states, mut outputs) = (vec![State::new(SHARD)], Vec::new());
    for (at, stored) in log.iter().enumerate() {
        let mut state = states[at].clone();
        outputs.push(step_stored(&mut state, at, stored).expect("a step").outputs);
        states.push(state);
    }
    assert!(log.len() > 30, "enough records to choose from: {}", log.len());
    History { log, states, outputs }
}

impl History {
    fn end(&self) -> i64 {
        i64::try_from(self.log.len()).expect("an offset")
    }

    fn state(&self, offset: i64) -> State {
        self.states[usize::try_from(offset).expect("an offset")].clone()
    }

    fn commit(&self, offset: i64) -> Commit {
        let state = self.state(offset);
        let stream_id = state.stream_id().unwrap_or_default().to_owned();
        let revision = state.rules().map_or(0, |rules| rules.revision);
        Commit { offset, stream_id, revision, chain: state.chain() }
    }

    fn committed(&self, offset: i64) -> Committed {
        Committed { offset, metadata: self.commit(offset).metadata() }
    }

    fn offsets(&self, low: i64) -> Offsets {
        Offsets { low, high: self.end() }
    }

    fn outputs_from(&self, offset: i64) -> Vec<Output> {
        let outputs = self.outputs.iter().skip(usize::try_from(offset).expect("an offset"));
        outputs.flatten().cloned().collect()
    }
}

fn with_record<T>(at: i64, stored: &Stored, take: impl FnOnce(&Record<'_>) -> T) -> T {
    let headers: Vec<(&str, &[u8])> =
        stored.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    take(&Record {
        offset: at,
        timestamp: stored.timestamp,
        key: stored.key.as_deref(),
        value: stored.value.as_deref(),
        headers: events::header::View(&headers),
    })
}

fn record(history: &History, from: State, until: Commit) -> Result<Option<Snapshot>, Halt> {
    let mut recorder = Recorder::new(from, until)?;
    while !recorder.is_done() {
        let at = recorder.next_offset();
        let stored = &history.log[usize::try_from(at).expect("an offset")];
        with_record(at, stored, |record| recorder.on_record(record))?;
    }
    Ok(recorder.finish())
}

/// Everything that an owner sends which begins with `start`.
fn sent(history: &History, begin: impl FnOnce(&mut Processor) -> i64) -> Vec<Output> {
    let mut processor = Processor::default();
    processor.assigned([SHARD]);
    let mut sent = Vec::new();
    for at in begin(&mut processor)..history.end() {
        let stored = &history.log[usize::try_from(at).expect("an offset")];
        let taken = with_record(at, stored, |record| processor.record(SHARD, record, 0));
        assert!(matches!(taken, Taken::Stepped { .. }), "{taken:?}");
        while let Some((output, _)) = processor.front() {
            sent.push(output.clone());
            processor.sent();
        }
    }
    sent
}

#[test]
fn a_commit_that_may_be_lost_is_due_again_though_the_shard_is_idle() {
    let history = history();
    let end = history.end();
    let mut processor = Processor::default();
    processor.assigned([SHARD]);
    let offsets = Offsets { low: 0, high: end };
    // A stranger has committed, which says nothing: the owner is live from the snapshot.
    let foreign = Committed { offset: end, metadata: String::new() };
    let restored = processor.restore_from(SHARD, offsets, Some(&foreign), Some(history.state(end)));
    assert_eq!(restored, Ok(end));
    let due = vec![(SHARD, history.commit(end))];
    assert_eq!(processor.commits(), due);
    assert_eq!(processor.commits(), [], "once is enough");
    processor.commit_again();
    assert_eq!(processor.commits(), due);
}

#[test]
fn a_snapshot_taken_beside_the_owner_is_the_state_of_the_owner() {
    let history = history();
    for (from, until) in [(0, 5), (5, 20), (20, history.end()), (7, 7)] {
        let taken = record(&history, history.state(from), history.commit(until));
        let taken = taken.expect("no halt").expect("a snapshot");
        assert_eq!(taken.name.next_offset, until);
        assert_eq!(taken.bytes, format::encode(&history.state(until)));
    }
    let beyond = record(&history, history.state(9), history.commit(8)).expect("no halt");
    assert_eq!(beyond, None, "a snapshot is never ahead of the frontier");
}

#[test]
fn a_replay_that_disagrees_with_the_owner_gives_no_snapshot() {
    let history = history();
    let until = Commit { chain: history.state(3).chain(), ..history.commit(12) };
    let refused = record(&history, history.state(0), until);
    assert!(matches!(refused, Err(Halt::ChainDiffers { offset: 12, .. })), "{refused:?}");
}

#[test]
fn a_restore_from_any_snapshot_sends_exactly_what_is_not_known_to_be_out() {
    let history = history();
    let end = history.end();
    for (snapshot, committed) in [(0, 0), (4, 9), (9, 9), (15, 9), (end, 9), (end, end)] {
        let sent = sent(&history, |processor| {
            let commit = history.committed(committed);
            let state = Some(history.state(snapshot));
            let restored = processor.restore_from(SHARD, history.offsets(0), Some(&commit), state);
            restored.expect("a start")
        });
        assert_eq!(sent, history.outputs_from(snapshot.max(committed)), "{snapshot} {committed}");
    }
}

#[test]
fn without_a_commit_the_owner_is_live_from_the_snapshot() {
    let history = history();
    let sent = sent(&history, |processor| {
        let state = Some(history.state(10));
        processor.restore_from(SHARD, history.offsets(10), None, state).expect("a start")
    });
    assert_eq!(sent, history.outputs_from(10));
}

#[test]
fn a_log_without_its_start_needs_a_snapshot() {
    let history = history();
    let mut processor = Processor::default();
    processor.assigned([SHARD]);
    let commit = history.committed(20);
    let refused = processor.restore_from(SHARD, history.offsets(3), Some(&commit), None);
    assert_eq!(refused, Err(Impossible::Truncated { low: 3 }));
    let obstacle = processor.obstacle().expect("not ready");
    assert!(obstacle.contains("begins at offset 3"), "{obstacle}");
    assert!(obstacle.contains("no usable snapshot"), "{obstacle}");
}

#[test]
fn a_snapshot_of_another_history_halts_the_shard_at_the_commit() {
    let history = history();
    let mut processor = Processor::default();
    processor.assigned([SHARD]);
    let commit = Commit { chain: history.state(3).chain(), ..history.commit(12) };
    let commit = Committed { offset: 12, metadata: commit.metadata() };
    let state = Some(history.state(12));
    let refused = processor.restore_from(SHARD, history.offsets(0), Some(&commit), state);
    assert!(matches!(refused, Err(Impossible::Halt(Halt::ChainDiffers { .. }))), "{refused:?}");
}

#[test]
fn a_rewound_shard_sends_the_same_outputs_again_from_where_it_was_told() {
    let history = history();
    for (snapshot, from) in [(0, 6), (6, 6), (2, 30)] {
        let sent = sent(&history, |processor| {
            let state = Some(history.state(snapshot));
            processor.rewind(SHARD, history.offsets(0), from, state).expect("a start")
        });
        assert_eq!(sent, history.outputs_from(from));
    }
}
