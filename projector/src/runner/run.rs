//! The loop of one runner: speaks to the group and the broker, and gives each record to the lane of
//! its partition.
//!
//! It blocks its own thread only and waits for no lane, so it is back with its group well within the
//! minute after which the group takes a silent member for dead, whatever fails. A lane that has too
//! much before it is not given more: its partition is paused, and the others go on.

use std::time::{Duration, Instant};

use eventlog::{Member, Membership, Pace, Partition, Polled, ReadError, Record, StartError};
use events::Topic;
use metrics::gauge;
use service::health::{Condition, Heartbeat};
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use super::{
    Context,
    lag::Lag,
    lane::{Ask, Given, Wish},
    lanes::Lanes,
    start::{From, plan},
};
use crate::{link::Checkpoint, measure::PARTITIONS, projection::Projection};

/// How long the loop waits for a record, and so how soon it sees the stop.
const POLL: Duration = Duration::from_millis(100);
/// The same while a lane wants something, or is to get more as soon as it has room.
const POLL_SOON: Duration = Duration::from_millis(5);
/// Silence after which the loop counts as wedged.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// How long leaving the group may take, and the last batches before it.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(5);
/// Time between two attempts to begin reading at a broker that does not answer.
const BEGIN_PAUSE: Duration = Duration::from_secs(1);

/// Reads the partitions that the group gives it, and has them applied.
#[derive(Debug)]
pub(super) struct Runner<P: Projection> {
    context: Context,
    runtime: Handle,
    member: Member,
    lanes: Lanes<P>,
    asks: UnboundedReceiver<Ask>,
    /// Lanes that know their checkpoint and wait for the broker, and when it is asked again.
    beginning: Vec<(Partition, Checkpoint)>,
    begin_after: Instant,
    lag: Lag,
    condition: Condition,
    heartbeat: Heartbeat,
}

impl<P: Projection> Runner<P> {
    /// Joins the group; partitions come later.
    pub(super) fn join(context: Context, runtime: Handle) -> Result<Self, StartError> {
        let name = format!("projection {}", P::NAME);
        let (ask, asks) = unbounded_channel();
        Ok(Self {
            member: join::<P>(&context)?,
            lanes: Lanes::new(context.clone(), runtime.clone(), ask),
            runtime,
            asks,
            beginning: Vec::new(),
            begin_after: Instant::now(),
            lag: Lag::new(P::NAME),
            condition: context.health.condition(name.clone()),
            heartbeat: context.health.heartbeat(name, SILENCE_MAX),
            context,
        })
    }

    /// Works until the stop, then leaves the group, so that another runner takes over at once.
    ///
    /// # Errors
    /// When the Kafka client failed for good and another one cannot be made.
    pub(super) fn run(mut self) -> Result<(), StartError> {
        while !self.context.stop.is_cancelled() {
            self.heartbeat.beat();
            self.answer_asks();
            self.begin();
            let is_held = self.give_room();
            let is_soon = is_held || self.lanes.are_waiting();
            let polled = self.member.poll(if is_soon { POLL_SOON } else { POLL });
            self.take(polled)?;
            self.lag.measure(&self.member, self.lanes.reading());
        }
        self.runtime.block_on(self.lanes.end(LEAVE_TIME_MAX));
        if !self.member.leave(LEAVE_TIME_MAX) {
            tracing::warn!(projection = P::NAME, "Leaving the group takes long.");
        }
        Ok(())
    }

    /// Does what lanes ask for. Whatever an earlier lane of the partition asked is void.
    fn answer_asks(&mut self) {
        while let Ok(ask) = self.asks.try_recv() {
            if !self.lanes.is_current(&ask.partition, ask.number) {
                continue;
            }
            match ask.wish {
                Wish::Records(checkpoint) => self.beginning.push((ask.partition, checkpoint)),
                Wish::Anew(from) => self.begin_anew(ask.partition, from),
                // As a panic of this thread: the process ends, and does not look healthy.
                Wish::Nothing => panic!("the lane of {} panicked", ask.partition),
            }
        }
    }

    /// Starts reading for the lanes that know their checkpoint.
    fn begin(&mut self) {
        if self.beginning.is_empty() || Instant::now() < self.begin_after {
            return;
        }
        while let Some((partition, checkpoint)) = self.beginning.pop() {
            if let Err(error) = self.begin_one(&partition, checkpoint) {
                tracing::error!(
                    projection = P::NAME, %partition, %error,
                    "Reading could not begin at the checkpoint; trying again until it can."
                );
                self.beginning.push((partition, checkpoint));
                self.begin_after = Instant::now() + BEGIN_PAUSE;
                return;
            }
        }
    }

    fn begin_one(
        &mut self,
        partition: &Partition,
        checkpoint: Checkpoint,
    ) -> Result<(), ReadError> {
        let Some(from) = self.lanes.from(partition) else {
            return Ok(());
        };
        let log = self.member.watermarks(partition)?;
        let is_kept_for_ever = matches!(partition.topic(), Some(Topic::Events(_)));
        let (offset, link) = plan(checkpoint, log, from, is_kept_for_ever);
        self.member.start(partition, offset)?;
        self.lanes.begun(partition, offset, link);
        tracing::info!(
            projection = P::NAME, %partition, offset,
            link_sequence = checkpoint.mark.link_sequence,
            "Reading begins at the checkpoint."
        );
        Ok(())
    }

    /// Resumes what was held back and has room again. True while something is held back.
    fn give_room(&mut self) -> bool {
        for partition in self.lanes.with_room() {
            match self.member.resume(&partition) {
                Ok(()) => self.lanes.set_held(&partition, false),
                Err(error) => {
                    tracing::warn!(%error, %partition, "A partition could not be resumed.");
                }
            }
        }
        self.lanes.are_held()
    }

    /// Takes what a poll brought.
    fn take(&mut self, polled: Polled) -> Result<(), StartError> {
        match polled {
            Polled::Record(record) => self.give(record),
            Polled::Idle => {}
            Polled::Assigned(partitions) => {
                for partition in partitions {
                    self.lanes.open(partition, From::Hint);
                }
                self.condition.set_ready();
                self.count_partitions();
            }
            Polled::Revoked { partitions, is_lost } => {
                tracing::info!(projection = P::NAME, ?partitions, is_lost, "Partitions go.");
                self.give_up(&partitions);
            }
            Polled::Failed(error) => self.failed(error)?,
        }
        Ok(())
    }

    fn give(&mut self, record: Record) {
        let partition = record.partition.clone();
        if !self.lanes.give(&partition, Given::Record(record)) {
            return;
        }
        match self.member.pause(&partition) {
            Ok(()) => self.lanes.set_held(&partition, true),
            Err(error) => tracing::warn!(%error, %partition, "A partition could not be paused."),
        }
    }

    /// Stops reading the partition, and begins again at its checkpoint.
    fn begin_anew(&mut self, partition: Partition, from: From) {
        // A partition that is not started needs no stop.
        if let Err(error) = self.member.stop(&partition) {
            tracing::warn!(%error, %partition, "A partition could not be stopped.");
        }
        self.beginning.retain(|(waiting, _)| *waiting != partition);
        self.lanes.open(partition, from);
    }

    fn failed(&mut self, error: ReadError) -> Result<(), StartError> {
        tracing::error!(projection = P::NAME, %error, "Reading failed.");
        match error {
            ReadError::OutOfRange { partition, .. } => self.begin_anew(partition, From::Hint),
            ReadError::OutOfRangeSomewhere => {
                let all: Vec<Partition> = self.lanes.reading().map(|(p, _)| p.clone()).collect();
                for partition in all {
                    self.begin_anew(partition, From::Hint);
                }
            }
            ReadError::Fatal { .. } | ReadError::Misuse { .. } | ReadError::Astray { .. } => {
                self.join_again()?;
            }
            ReadError::Refused { .. } | ReadError::Unanswered { .. } | ReadError::Stalled(_) => {}
        }
        Ok(())
    }

    /// Begins anew with another client, as after a start.
    fn join_again(&mut self) -> Result<(), StartError> {
        let all = self.lanes.all();
        self.give_up(&all);
        let member = join::<P>(&self.context)?;
        std::mem::replace(&mut self.member, member).leave(LEAVE_TIME_MAX);
        Ok(())
    }

    fn give_up(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.lanes.close(partition);
            self.lag.forget(partition);
        }
        self.beginning.retain(|(waiting, _)| !partitions.contains(waiting));
        self.count_partitions();
    }

    fn count_partitions(&self) {
        let count = self.lanes.all().len();
        // A process has far fewer partitions than a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        gauge!(PARTITIONS, "projection" => P::NAME).set(count as f64);
    }
}

fn join<P: Projection>(context: &Context) -> Result<Member, StartError> {
    let topics: Vec<&str> = P::TOPICS.iter().map(|topic| topic.name()).collect();
    let group = format!("{}-{}", context.settings.group, P::NAME);
    let membership =
        Membership { group: &group, client_id: &group, topics: &topics, pace: Pace::InBatches };
    Member::join(&context.connection, &membership)
}
