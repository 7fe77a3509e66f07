//! The loop of the processor's thread.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use eventlog::{Committed, Member, Membership, Partition, Polled, Record, StartError, Timestamp};
use events::{Kind, ShardId, Topic, header::View};
use service::health::{Condition, Heartbeat};
use shard::owner::Owner;
use tokio_util::sync::CancellationToken;

use super::{
    Settings, metrics,
    outbox::{From, Outbox, Trouble},
    restore,
    slot::{Slot, Status},
};

/// How long a poll waits for a record; reports and commits are looked after in between.
const POLL: Duration = Duration::from_millis(5);
/// How often frontiers are committed, deadlines looked at and gauges set.
const HOUSEKEEPING: Duration = Duration::from_millis(20);
/// How long to wait before brokers are asked again, or a given-up producer is replaced.
const RETRY: Duration = Duration::from_millis(500);

/// Everything that the processor's thread owns.
pub(super) struct Runner {
    settings: Settings,
    member: Member,
    outbox: Outbox,
    slots: BTreeMap<ShardId, Slot>,
    ownerships: u64,
    is_joined: bool,
    is_paused: bool,
    began: Instant,
    retry_at: Instant,
    housekeeping_at: Instant,
    ready: Condition,
    heartbeat: Heartbeat,
    stop: CancellationToken,
}

impl Runner {
    pub(super) fn join(
        settings: Settings,
        ready: Condition,
        heartbeat: Heartbeat,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let outbox =
            Outbox::open(&settings.connection, &settings.client_id, settings.schema_ids.clone())?;
        let member = Member::join(
            &settings.connection,
            &Membership {
                group: &settings.group,
                client_id: &settings.client_id,
                topics: &[
                    Topic::Commands(Kind::Orders).name(),
                    Topic::Commands(Kind::Products).name(),
                ],
            },
        )?;
        let now = Instant::now();
        Ok(Self {
            settings,
            member,
            outbox,
            slots: BTreeMap::new(),
            ownerships: 0,
            is_joined: false,
            is_paused: false,
            began: now,
            retry_at: now,
            housekeeping_at: now,
            ready,
            heartbeat,
            stop,
        })
    }

    /// Runs until the stop, then drains and leaves the group.
    pub(super) fn run(mut self) -> Result<(), StartError> {
        while !self.stop.is_cancelled() {
            self.heartbeat.beat();
            match self.member.poll(POLL) {
                Polled::Record(record) => self.step(&record),
                Polled::Assigned(partitions) => self.assigned(partitions),
                Polled::Revoked { partitions, is_lost } => self.revoked(&partitions, is_lost),
                Polled::Failed(error) => {
                    tracing::error!(%error, "The command log cannot be read.");
                    self.read_failed();
                }
                Polled::Idle => {}
            }
            self.deliver()?;
            if self.housekeeping_at <= Instant::now() {
                self.housekeeping_at = Instant::now() + HOUSEKEEPING;
                self.restore_assigned();
                self.tick();
                self.commit();
                self.report_readiness();
            }
        }
        self.drain()
    }

    fn assigned(&mut self, partitions: Vec<Partition>) {
        self.is_joined = true;
        for partition in partitions {
            let Some(shard) = partition.shard() else { continue };
            tracing::info!(%shard, "A shard is assigned to this instance.");
            self.ownerships += 1;
            let slot = Slot { partition, ownership: self.ownerships, status: Status::Assigned };
            self.slots.insert(shard, slot);
        }
        self.retry_at = Instant::now();
        self.housekeeping_at = Instant::now();
    }

    /// The frontier is committed once more, then memory is dropped: a regained shard restores.
    fn revoked(&mut self, partitions: &[Partition], is_lost: bool) {
        if !is_lost {
            self.take_reports_only();
            self.commit();
        }
        for shard in partitions.iter().filter_map(Partition::shard) {
            tracing::info!(%shard, is_lost, "A shard is no longer this instance's.");
            self.slots.remove(&shard);
            self.outbox.forget(shard);
            metrics::halted(shard, false);
        }
    }

    /// Begins to restore what is assigned; brokers that do not answer are asked again later.
    fn restore_assigned(&mut self) {
        if self.retry_at > Instant::now() {
            return;
        }
        let waiting: Vec<(ShardId, Partition)> = self
            .slots
            .iter()
            .filter(|(_, slot)| matches!(slot.status, Status::Assigned))
            .map(|(shard, slot)| (*shard, slot.partition.clone()))
            .collect();
        if waiting.is_empty() {
            return;
        }
        let partitions: Vec<Partition> = waiting.iter().map(|(_, p)| p.clone()).collect();
        let committed = match self.member.committed(&partitions) {
            Ok(committed) => committed,
            Err(error) => return self.ask_again(&error),
        };
        for ((shard, partition), committed) in waiting.into_iter().zip(committed) {
            let watermarks = match self.member.watermarks(&partition) {
                Ok(watermarks) => watermarks,
                Err(error) => return self.ask_again(&error),
            };
            let owner = match restore::owner(&partition, shard, watermarks, committed) {
                Ok(owner) => owner,
                Err(error) => {
                    self.halt(shard, &error.to_string());
                    continue;
                }
            };
            match self.member.restart(&partition, owner.state().next_offset()) {
                Ok(()) => {
                    if let Some(slot) = self.slots.get_mut(&shard) {
                        slot.status = Status::Owned(Box::new(owner));
                    }
                    self.is_paused = false;
                }
                Err(error) => return self.ask_again(&error),
            }
        }
    }

    fn ask_again(&mut self, error: &eventlog::ReadError) {
        tracing::warn!(%error, "Shards cannot be restored yet.");
        self.retry_at = Instant::now() + RETRY;
    }

    fn step(&mut self, record: &Record) {
        let Some(shard) = record.partition.shard() else { return };
        let monotonic_ms = self.monotonic_ms();
        let Some(slot) = self.slots.get_mut(&shard) else { return };
        let ownership = slot.ownership;
        let Some(owner) = slot.owner() else { return };
        // A panic outside of decide is a broken invariant of ours: this shard stops, others go on.
        let stepped = catch_unwind(AssertUnwindSafe(|| step(owner, record, monotonic_ms)));
        match stepped {
            Ok(Ok((outputs, notices))) => {
                metrics::stepped(outputs.len(), &notices);
                self.outbox.push(From { shard, ownership, offset: record.offset }, outputs);
            }
            Ok(Err(halt)) => self.halt(shard, &halt.to_string()),
            Err(_) => self.halt(shard, &format!("the step of offset {} panicked", record.offset)),
        }
    }

    /// Sends what waits and takes the reports.
    fn deliver(&mut self) -> Result<(), StartError> {
        let result = self.outbox.pump().and_then(|()| self.take_reports());
        match result {
            Ok(()) => {
                self.pace();
                Ok(())
            }
            Err(Trouble::Unsendable { from, reason }) => {
                self.halt(from.shard, &reason);
                Ok(())
            }
            Err(Trouble::Doubt(reason)) => self.doubt(&reason),
        }
    }

    fn take_reports(&mut self) -> Result<(), Trouble> {
        while let Some(from) = self.outbox.acknowledged()? {
            let slot = self.slots.get_mut(&from.shard);
            if let Some(slot) = slot.filter(|slot| slot.ownership == from.ownership)
                && let Some(owner) = slot.owner()
            {
                owner.on_acknowledged(from.offset);
            }
        }
        Ok(())
    }

    /// Takes the reports that are there; doubt is met in the next round.
    fn take_reports_only(&mut self) {
        if let Err(trouble) = self.take_reports() {
            tracing::warn!(?trouble, "Reports could not be taken before a commit.");
            self.housekeeping_at = Instant::now();
        }
    }

    /// While outputs wait for room, polling goes on and brings no records.
    fn pace(&mut self) {
        let is_congested = self.outbox.is_congested();
        if is_congested == self.is_paused {
            return;
        }
        for slot in self.slots.values().filter(|slot| matches!(slot.status, Status::Owned(_))) {
            let changed = if is_congested {
                self.member.pause(&slot.partition)
            } else {
                self.member.resume(&slot.partition)
            };
            if let Err(error) = changed {
                tracing::warn!(%error, "A shard's reading could not be paced.");
            }
        }
        self.is_paused = is_congested;
    }

    /// Drops the producer and all states, and restores (PROTOCOL 3).
    fn doubt(&mut self, reason: &str) -> Result<(), StartError> {
        tracing::error!(reason, "The producer is in doubt; all shards are restored.");
        metrics::doubted();
        self.outbox = Outbox::open(
            &self.settings.connection,
            &self.settings.client_id,
            self.settings.schema_ids.clone(),
        )?;
        self.restore_all();
        Ok(())
    }

    fn read_failed(&mut self) {
        self.restore_all();
    }

    /// Every shard that is not halted begins anew, after a pause.
    fn restore_all(&mut self) {
        for (shard, slot) in &mut self.slots {
            if matches!(slot.status, Status::Halted(_)) {
                continue;
            }
            self.ownerships += 1;
            slot.ownership = self.ownerships;
            slot.status = Status::Assigned;
            self.outbox.forget(*shard);
            if let Err(error) = self.member.stop(&slot.partition) {
                tracing::warn!(%error, "A shard's reading could not be stopped.");
            }
        }
        self.is_paused = false;
        self.retry_at = Instant::now() + RETRY;
    }

    fn halt(&mut self, shard: ShardId, reason: &str) {
        tracing::error!(%shard, reason, "A shard has stopped; the others go on.");
        metrics::halted(shard, true);
        self.outbox.forget(shard);
        let Some(slot) = self.slots.get_mut(&shard) else { return };
        slot.status = Status::Halted(reason.to_owned());
        if let Err(error) = self.member.stop(&slot.partition) {
            tracing::warn!(%error, "A stopped shard's reading could not be stopped.");
        }
    }

    fn tick(&mut self) {
        let monotonic_ms = self.monotonic_ms();
        for (shard, slot) in &mut self.slots {
            if let Some(owner) = slot.owner()
                && owner.tick_due(monotonic_ms)
            {
                self.outbox.push_tick(*shard);
            }
        }
    }

    fn commit(&mut self) {
        let mut commits = Vec::new();
        for slot in self.slots.values_mut() {
            let partition = slot.partition.clone();
            let Some(owner) = slot.owner() else { continue };
            metrics::observe(owner);
            if let Some(commit) = owner.commit_due() {
                let metadata = commit.metadata();
                commits.push((partition, Committed { offset: commit.offset, metadata }));
            }
        }
        if commits.is_empty() {
            return;
        }
        if let Err(error) = self.member.commit(&commits) {
            // Stale or lost commits only cause repeats.
            tracing::warn!(%error, "A commit could not be sent.");
        }
    }

    fn report_readiness(&self) {
        if !self.is_joined {
            return;
        }
        match self.slots.values().find_map(Slot::obstacle) {
            None => self.ready.set_ready(),
            Some(obstacle) => self.ready.set_unready(obstacle),
        }
    }

    /// Waits, bounded, until everything is out, commits it, and gives the shards back at once.
    fn drain(mut self) -> Result<(), StartError> {
        self.ready.set_unready("stopping");
        let deadline = Instant::now() + self.settings.drain;
        while self.outbox.outstanding() > 0 && Instant::now() < deadline {
            self.heartbeat.beat();
            // Records that a poll still brings are not stepped; the next owner gets them.
            let _ = self.member.poll(POLL);
            if let Err(trouble) = self.outbox.pump().and_then(|()| self.take_reports()) {
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

fn step(
    owner: &mut Owner,
    record: &Record,
    monotonic_ms: u64,
) -> Result<(Vec<shard::Output>, Vec<shard::Notice>), shard::Halt> {
    let headers = record.headers();
    let timestamp = match record.timestamp {
        Timestamp::LogAppend(ms) => shard::Timestamp::LogAppend(ms),
        Timestamp::Create(ms) => shard::Timestamp::Foreign(ms),
        Timestamp::None => shard::Timestamp::Foreign(0),
    };
    let record = shard::Record {
        offset: record.offset,
        timestamp,
        key: record.key(),
        value: record.value(),
        headers: View(&headers),
    };
    owner.on_record(&record, monotonic_ms)
}
