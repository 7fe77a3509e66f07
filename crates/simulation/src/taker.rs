//! One instance's second thread: replays a shard to a commit, and makes the snapshot.

use std::collections::BTreeMap;

use events::{Millis, ShardId, header::View};
use shard::{
    owner::Commit,
    processor::{Impossible, Offsets},
    snapshot::{Log, Pace, Recorder, Retention, Schedule, Snapshot, Want},
};

use crate::{
    broker::Broker,
    library::Library,
    node::{offset, record},
    random::Random,
};

/// Small enough for many snapshots, and for some of them to go, within a run.
const PACE: Pace = Pace { records: 12, every_ms: 2_500 };
pub(crate) const RETENTION: Retention = Retention { newest: 3, younger_than_ms: 2_000 };
const REST_MS: Millis = 300;

/// What the second thread knows, and what it is at.
#[derive(Debug)]
pub(crate) struct Taker {
    schedule: Schedule,
    /// What the processor has committed last of every shard that it owns.
    commits: BTreeMap<ShardId, Commit>,
    at: Option<(ShardId, Recorder)>,
}

impl Default for Taker {
    fn default() -> Self {
        let schedule = Schedule::new(PACE, RETENTION, REST_MS);
        Self { schedule, commits: BTreeMap::new(), at: None }
    }
}

impl Taker {
    pub(crate) fn committed(&mut self, shard: ShardId, commit: Commit) {
        self.commits.insert(shard, commit);
    }

    pub(crate) fn forget(&mut self, shard: ShardId) {
        self.commits.remove(&shard);
    }

    /// A piece of the work; gives a snapshot when one is made.
    ///
    /// # Errors
    /// The replay disagrees with what was committed.
    pub(crate) fn work(
        &mut self,
        broker: &Broker,
        library: &Library,
        now: Millis,
        random: &mut Random,
    ) -> Result<Option<Snapshot>, String> {
        let commits = &self.commits;
        self.schedule.retain(|shard| commits.contains_key(&shard));
        match self.at.take() {
            None => self.begin(broker, library, now, random).map(|()| None),
            Some((shard, recorder)) => self.go_on(shard, recorder, broker, now, random),
        }
    }

    fn begin(
        &mut self,
        broker: &Broker,
        library: &Library,
        now: Millis,
        random: &mut Random,
    ) -> Result<(), String> {
        let shards: Vec<ShardId> = self.commits.keys().copied().collect();
        let Some(shard) = random.pick(&shards) else { return Ok(()) };
        let commit = self.commits[&shard].clone();
        if self.schedule.last(shard).is_none() {
            self.schedule.found(&library.kept(shard), &commit, shard);
        }
        if !self.schedule.is_due(shard, &commit, now) {
            return Ok(());
        }
        let offsets = offsets(broker, shard);
        let log = Log { shard, offsets, stream_id: Some(commit.stream_id.clone()) };
        let found = library.find(&log, Want::NewestUpTo(commit.offset), None);
        match Recorder::begin(shard, offsets, found.state, commit) {
            Ok(recorder) => self.at = Some((shard, recorder)),
            // It slept, and the log was archived beyond what it had committed.
            Err(Impossible::Truncated { .. }) => self.schedule.failed(shard, now),
            Err(other) => return Err(format!("no snapshot of {shard} can be begun: {other}")),
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        shard: ShardId,
        mut recorder: Recorder,
        broker: &Broker,
        now: Millis,
        random: &mut Random,
    ) -> Result<Option<Snapshot>, String> {
        let log = broker.commands(shard);
        for _ in 0..1 + random.below(12) {
            if recorder.is_done() {
                let snapshot = recorder.finish();
                match &snapshot {
                    Some(snapshot) => self.schedule.written(snapshot.name, now),
                    None => self.schedule.failed(shard, now),
                }
                return Ok(snapshot);
            }
            let at = recorder.next_offset();
            let index = usize::try_from(at).unwrap_or(usize::MAX);
            if index < log.low() {
                // Archived meanwhile: the next attempt begins with a newer snapshot.
                self.schedule.failed(shard, now);
                return Ok(None);
            }
            let Some(stored) = log.visible().get(index) else { break };
            let headers = stored.view();
            recorder
                .on_record(&record(at, stored, View(&headers)))
                .map_err(|halt| format!("the snapshot of {shard} halts: {halt}"))?;
        }
        self.at = Some((shard, recorder));
        Ok(None)
    }
}

/// What consumers can read of a command log.
pub(crate) fn offsets(broker: &Broker, shard: ShardId) -> Offsets {
    let log = broker.commands(shard);
    Offsets { low: offset(log.low()), high: offset(log.visible().len()) }
}
