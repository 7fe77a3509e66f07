//! The loop of the processor's thread: carries records in, outputs out, and commits back.

mod pacing;
mod restoring;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use eventlog::{
    Committed, Member, Membership, Pace, Partition, Polled, ReadError, Record, StartError,
};
use events::{Kind, ShardId, Topic};
use service::health::Heartbeat;
use shard::{
    Notice,
    processor::{Processor, Taken},
};
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    lag::Lag,
    metrics,
    outlet::{Outlet, Trouble},
    readiness::Readiness,
    record,
    restores::Restores,
    snapshots::Snapshots,
    trace::Step,
};
use pacing::Pacing;

/// How long a poll waits for a record; reports and commits are looked after in between.
const POLL: Duration = Duration::from_millis(5);
/// How often frontiers are committed, deadlines looked at and gauges set.
const HOUSEKEEPING: Duration = Duration::from_millis(20);
/// How long to wait before brokers are asked again, or shards restored after a doubt.
const RETRY: Duration = Duration::from_millis(500);

/// How often commits are sent again, though nothing has moved. One that meets a rebalance is refused,
/// and the library tells nobody; an idle shard would never send another.
const COMMIT_AGAIN: Duration = Duration::from_secs(10);

/// Everything that the processor's thread owns.
pub(super) struct Runner {
    settings: Settings,
    member: Member,
    outlet: Outlet,
    processor: Processor,
    /// The command partitions that are ours.
    partitions: BTreeMap<ShardId, Partition>,
    snapshots: Snapshots,
    restores: Restores,
    pacing: Pacing,
    lag: Lag,
    began: Instant,
    retry_at: Instant,
    /// When every commit is sent again.
    commit_again_at: Instant,
    housekeeping_at: Instant,
    readiness: Readiness,
    heartbeat: Heartbeat,
    stop: CancellationToken,
}

impl Runner {
    pub(super) fn join(
        settings: Settings,
        snapshots: Snapshots,
        readiness: Readiness,
        heartbeat: Heartbeat,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let outlet = open_outlet(&settings)?;
        let member = join_group(&settings)?;
        let now = Instant::now();
        Ok(Self {
            settings,
            member,
            outlet,
            processor: Processor::default(),
            partitions: BTreeMap::new(),
            snapshots,
            restores: Restores::default(),
            pacing: Pacing::default(),
            lag: Lag::default(),
            began: now,
            retry_at: now,
            commit_again_at: now + COMMIT_AGAIN,
            housekeeping_at: now,
            readiness,
            heartbeat,
            stop,
        })
    }

    /// Runs until the stop, then drains and leaves the group.
    pub(super) fn run(mut self) -> Result<(), StartError> {
        while !self.stop.is_cancelled() {
            self.heartbeat.beat();
            match self.member.poll(POLL) {
                Polled::Record(record) => self.take(&record),
                Polled::Assigned(partitions) => self.assigned(partitions),
                Polled::Revoked { partitions, is_lost } => self.revoked(&partitions, is_lost)?,
                Polled::Failed(error) => self.read_failed(&error)?,
                Polled::Idle => {}
            }
            self.deliver()?;
            if self.housekeeping_at <= Instant::now() {
                self.housekeeping_at = Instant::now() + HOUSEKEEPING;
                self.restore();
                self.processor.tick(self.monotonic_ms());
                self.commit();
                self.observe();
            }
        }
        self.drain()
    }

    fn assigned(&mut self, partitions: Vec<Partition>) {
        self.readiness.joined();
        for partition in partitions {
            let Some(shard) = partition.shard() else { continue };
            tracing::info!(%shard, "A shard is assigned to this instance.");
            self.processor.assigned([shard]);
            self.partitions.insert(shard, partition);
            metrics::owned(shard, true);
        }
        self.retry_at = Instant::now();
        self.housekeeping_at = Instant::now();
    }

    /// The frontier is committed once more, then memory is dropped: a regained shard restores.
    fn revoked(&mut self, partitions: &[Partition], is_lost: bool) -> Result<(), StartError> {
        let mut reports = Ok(());
        if !is_lost {
            reports = self.outlet.take_reports(&mut self.processor);
            self.commit();
        }
        for shard in partitions.iter().filter_map(Partition::shard) {
            tracing::info!(%shard, is_lost, "A shard is no longer this instance's.");
            self.processor.revoked([shard]);
            self.partitions.remove(&shard);
            self.forget(shard);
            metrics::owned(shard, false);
        }
        // The shards that stay have outputs of the same producer.
        if let Err(trouble) = reports {
            tracing::error!(?trouble, "The last reports before a handover tell of a doubt.");
            self.begin_anew()?;
        }
        Ok(())
    }

    fn forget(&mut self, shard: ShardId) {
        self.restores.forget(shard);
        self.snapshots.forget(shard);
    }

    fn take(&mut self, record: &Record) {
        let Some(shard) = record.partition.shard() else { return };
        let monotonic_ms = self.monotonic_ms();
        let headers = record.headers();
        let step = Step::begin(record);
        match self.processor.record(shard, &record::view(record, &headers), monotonic_ms) {
            Taken::Stepped { outputs, notices } => {
                metrics::stepped(outputs, &notices);
                if let Some(step) = step.filter(|_| outputs > 0) {
                    step.end(shard, record);
                }
                if notices.iter().any(|notice| matches!(notice, Notice::Expired(1..))) {
                    // A burst of deadlines needs one Tick after the other.
                    self.housekeeping_at = Instant::now();
                }
            }
            Taken::Halted(reason) => self.halted(shard, &reason),
            Taken::NotOurs => {}
        }
    }

    /// Sends what waits and takes the reports.
    fn deliver(&mut self) -> Result<(), StartError> {
        match self.outlet.work(&mut self.processor) {
            Ok(()) => {
                let is_congested = self.processor.is_congested();
                self.pacing.follow(&mut self.member, self.partitions.values(), is_congested);
                Ok(())
            }
            Err(Trouble::Unsendable(reason)) => {
                if let Some(shard) = self.processor.unsendable(&reason) {
                    self.halted(shard, &reason);
                }
                Ok(())
            }
            Err(Trouble::Doubt(reason)) => {
                tracing::error!(reason, "The producer is in doubt; all shards are restored.");
                self.begin_anew()
            }
        }
    }

    fn read_failed(&mut self, error: &ReadError) -> Result<(), StartError> {
        tracing::error!(%error, "The command log cannot be read; all shards are restored.");
        if matches!(error, ReadError::Fatal { .. } | ReadError::Astray { .. }) {
            let shards: Vec<ShardId> = self.partitions.keys().copied().collect();
            shards.iter().for_each(|shard| self.forget(*shard));
            self.processor.revoked(shards);
            self.partitions.clear();
            self.member = join_group(&self.settings)?;
        }
        self.begin_anew()
    }

    /// Replaces the producer, drops all states, and restores after a pause (PROTOCOL 3).
    fn begin_anew(&mut self) -> Result<(), StartError> {
        metrics::doubted();
        self.outlet = open_outlet(&self.settings)?;
        self.restores.forget_all();
        for shard in self.processor.doubt() {
            self.stop_reading(shard);
        }
        self.pacing = Pacing::default();
        self.retry_at = Instant::now() + RETRY;
        Ok(())
    }

    fn halted(&mut self, shard: ShardId, reason: &str) {
        tracing::error!(%shard, reason, "A shard has stopped; the others go on.");
        metrics::halted(shard, true);
        self.stop_reading(shard);
    }

    fn stop_reading(&mut self, shard: ShardId) {
        let Some(partition) = self.partitions.get(&shard) else { return };
        if let Err(error) = self.member.stop(partition) {
            tracing::warn!(%error, "A shard's reading could not be stopped.");
        }
    }

    fn commit(&mut self) {
        if self.commit_again_at <= Instant::now() {
            self.commit_again_at = Instant::now() + COMMIT_AGAIN;
            self.processor.commit_again();
        }
        let commits: Vec<(Partition, Committed)> = self
            .processor
            .commits()
            .into_iter()
            .filter_map(|(shard, commit)| {
                self.snapshots.committed(shard, &commit);
                let metadata = commit.metadata();
                let committed = Committed { offset: commit.offset, metadata };
                Some((self.partitions.get(&shard)?.clone(), committed))
            })
            .collect();
        if commits.is_empty() {
            return;
        }
        if let Err(error) = self.member.commit(&commits) {
            // Stale or lost commits only cause repeats.
            tracing::warn!(%error, "A commit could not be sent.");
        }
    }

    fn observe(&mut self) {
        for owner in self.processor.owners() {
            metrics::observe(owner, self.lag.of(owner, self.pacing.is_paused()));
            if owner.is_live()
                && let Some(took) = self.restores.live(owner.shard())
            {
                tracing::info!(shard = %owner.shard(), ?took, "A shard is live.");
                metrics::restored(owner.shard(), took);
            }
        }
        let census = self.processor.census();
        metrics::counted(census, self.processor.outstanding());
        self.readiness.observe(census, self.processor.obstacle());
    }

    /// Waits, bounded, until everything is out, commits it, and gives the shards back at once.
    fn drain(mut self) -> Result<(), StartError> {
        self.readiness.stopping();
        let deadline = Instant::now() + self.settings.drain;
        while self.processor.outstanding() > 0 && Instant::now() < deadline {
            self.heartbeat.beat();
            // Records that a poll still brings are not stepped; the next owner gets them.
            let _ = self.member.poll(POLL);
            if let Err(trouble) = self.outlet.work(&mut self.processor) {
                tracing::warn!(?trouble, "The last outputs were not all acknowledged.");
                break;
            }
        }
        self.commit();
        if !self.member.leave(self.settings.drain) {
            tracing::warn!("The group was not left within the drain.");
        }
        Ok(())
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn open_outlet(settings: &Settings) -> Result<Outlet, StartError> {
    Outlet::open(&settings.connection, &settings.client_id, settings.schema_ids.clone())
}

fn join_group(settings: &Settings) -> Result<Member, StartError> {
    let topics = Kind::ALL.map(|kind| Topic::Commands(kind).name());
    let membership = Membership {
        group: &settings.group,
        client_id: &settings.client_id,
        topics: &topics,
        pace: Pace::AtOnce,
    };
    Member::join(&settings.connection, &membership)
}
