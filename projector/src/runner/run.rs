//! The loop of one runner.
//!
//! ```text
//! ours -> checkpoint read -> reading -> batch -> applied ----------------> reading
//!                ^                        |---> PostgreSQL, registry: again, after a pause
//!                '-- conflict, gap -------'
//! ```
//!
//! It blocks its own thread only, and is back with its group well within the minute after which the
//! group takes a silent member for dead, whatever fails.

use std::{future::Future, time::Duration};

use eventlog::{Member, Membership, Pace, Partition, Polled, ReadError, StartError};
use events::Topic;
use metrics::gauge;
use service::health::{Condition, Heartbeat};
use tokio::{
    runtime::Handle,
    time::{error::Elapsed, timeout},
};

use super::{
    Context,
    gaps::Gaps,
    lag::Lag,
    readers::Readers,
    retry::Retry,
    start::{From, plan},
    work::{Failure, Work, chain},
};
use crate::{
    measure::PARTITIONS,
    projection::Projection,
    store::{Owner, checkpoint},
};

/// How long the loop waits for a record, and so how soon it sees the stop.
const POLL: Duration = Duration::from_millis(100);
/// Bound on one question to PostgreSQL or the registry, a whole transaction included.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(20);
/// Silence after which the loop counts as wedged.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// How long leaving the group may take.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(5);

/// Reads the partitions that the group gives it, and applies them.
#[derive(Debug)]
pub(super) struct Runner<P: Projection> {
    pub(super) context: Context,
    runtime: Handle,
    owner: Owner,
    member: Member,
    pub(super) readers: Readers,
    /// The batch that is not applied yet; nothing else is read meanwhile.
    work: Option<Work<P>>,
    /// When checkpoints may be read again.
    beginning: Retry,
    pub(super) gaps: Gaps,
    pub(super) lag: Lag,
    condition: Condition,
    heartbeat: Heartbeat,
}

impl<P: Projection> Runner<P> {
    /// Joins the group; partitions come later.
    pub(super) fn join(context: Context, runtime: Handle) -> Result<Self, StartError> {
        let name = format!("projection {}", P::NAME);
        Ok(Self {
            member: join::<P>(&context)?,
            runtime,
            owner: Owner { projection: P::NAME, generation: context.settings.generation },
            readers: Readers::default(),
            work: None,
            beginning: Retry::new(),
            gaps: Gaps::new(context.settings.gap_pause),
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
            self.begin();
            match self.work.take() {
                Some(work) => self.attempt(work)?,
                None => {
                    self.look_into_gaps();
                    self.read()?;
                }
            }
            self.lag.measure(&self.member, self.readers.reading());
        }
        if !self.member.leave(LEAVE_TIME_MAX) {
            tracing::warn!(projection = P::NAME, "Leaving the group takes long.");
        }
        Ok(())
    }

    /// Waits for a record, takes what is ready up to the bounds of a batch, and makes work of it.
    fn read(&mut self) -> Result<(), StartError> {
        let settings = &self.context.settings;
        let (records_max, bytes_max) = (settings.batch_records_max, settings.batch_bytes_max);
        let (mut records, mut bytes) = (0, 0);
        let mut wait = POLL;
        while records < records_max && bytes < bytes_max {
            match self.member.poll(wait) {
                Polled::Record(record) => {
                    records += 1;
                    bytes += record.key().map_or(0, <[u8]>::len);
                    bytes += record.value().map_or(0, <[u8]>::len);
                    self.admit(record);
                    wait = Duration::ZERO;
                }
                Polled::Idle => break,
                other => {
                    self.change(other)?;
                    break;
                }
            }
        }
        self.work = Work::of(self.readers.take());
        Ok(())
    }

    /// Tries to apply a batch. While that fails, nothing is read, but the group is kept.
    fn attempt(&mut self, mut work: Work<P>) -> Result<(), StartError> {
        let pause = work.retry.remaining();
        if !pause.is_zero() {
            self.work = Some(work);
            let polled = self.member.poll(pause.min(POLL));
            return self.change(polled);
        }
        let context = &self.context;
        let applied = work.attempt(&context.pool, self.owner.generation, &context.schemas);
        match self.runtime.block_on(bounded(applied)) {
            Ok(Ok(applied)) => {
                work.report(&applied, &mut self.lag);
                self.each_reading(Member::resume);
            }
            Ok(Err(Failure::Conflict(partition))) => {
                tracing::warn!(
                    projection = P::NAME, %partition,
                    "Another runner moved the checkpoint; reading it again."
                );
                work.count("conflict");
                // The transaction covered all of them, and none was applied.
                for partition in work.partitions() {
                    self.read_again(partition, From::Hint);
                }
                self.each_reading(Member::resume);
            }
            Ok(Err(Failure::Again(error))) => self.try_again(work, &error),
            Err(Elapsed { .. }) => self.try_again(work, "it took too long"),
        }
        Ok(())
    }

    fn try_again(&mut self, mut work: Work<P>, error: &str) {
        if work.retry.failures_count() == 0 {
            self.each_reading(Member::pause);
        }
        work.retry.failed();
        let failures_count = work.retry.failures_count();
        tracing::error!(
            projection = P::NAME,
            failures_count,
            error,
            "A batch could not be applied; trying again until it can."
        );
        work.count("failed");
        self.work = Some(work);
    }

    /// Starts what is ours and not read yet, from its checkpoint.
    fn begin(&mut self) {
        let waiting = self.readers.waiting();
        if waiting.is_empty() || !self.beginning.remaining().is_zero() {
            return;
        }
        match self.begin_all(&waiting) {
            Ok(()) => self.beginning = Retry::new(),
            Err(error) => {
                tracing::error!(
                    projection = P::NAME,
                    error = chain(&*error),
                    "Reading could not begin at the checkpoints; trying again until it can."
                );
                self.beginning.failed();
            }
        }
    }

    fn begin_all(
        &mut self,
        waiting: &[(Partition, From)],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let partitions: Vec<Partition> = waiting.iter().map(|(p, _)| p.clone()).collect();
        let load = checkpoint::load(&self.context.pool, self.owner, &partitions);
        let checkpoints = self.runtime.block_on(bounded(load))??;
        for (partition, from) in waiting {
            let checkpoint = checkpoints.get(partition).copied().unwrap_or_default();
            let log = self.member.watermarks(partition)?;
            let is_kept_for_ever = matches!(partition.topic(), Some(Topic::Events(_)));
            let (offset, link) = plan(checkpoint, log, *from, is_kept_for_ever);
            self.member.start(partition, offset)?;
            self.readers.begin(partition, checkpoint, link);
            tracing::info!(
                projection = P::NAME, %partition, offset,
                link_sequence = checkpoint.mark.link_sequence,
                "Reading begins at the checkpoint."
            );
        }
        Ok(())
    }

    /// Stops reading the partition, and begins again at its checkpoint.
    pub(super) fn read_again(&mut self, partition: Partition, from: From) {
        // A partition that is not started needs no stop.
        if let Err(error) = self.member.stop(&partition) {
            tracing::warn!(%error, %partition, "A partition could not be stopped.");
        }
        self.readers.wait(partition, from);
    }

    /// Takes what a poll brought besides a record that is read.
    fn change(&mut self, polled: Polled) -> Result<(), StartError> {
        match polled {
            // The pause began after this one was fetched.
            Polled::Record(record) => self.admit(record),
            Polled::Idle => {}
            Polled::Assigned(partitions) => {
                for partition in partitions {
                    self.readers.wait(partition, From::Hint);
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

    fn failed(&mut self, error: ReadError) -> Result<(), StartError> {
        tracing::error!(projection = P::NAME, %error, "Reading failed.");
        match error {
            ReadError::OutOfRange { partition, .. } => self.read_again(partition, From::Hint),
            ReadError::OutOfRangeSomewhere => {
                let all: Vec<Partition> = self.readers.reading().cloned().collect();
                for partition in all {
                    self.read_again(partition, From::Hint);
                }
            }
            ReadError::Fatal { .. } | ReadError::Misuse { .. } => self.join_again()?,
            ReadError::Refused { .. } | ReadError::Unanswered { .. } | ReadError::Stalled(_) => {}
        }
        Ok(())
    }

    /// Begins anew with another client, as after a start.
    fn join_again(&mut self) -> Result<(), StartError> {
        let all: Vec<Partition> = self.readers.all().cloned().collect();
        self.give_up(&all);
        let member = join::<P>(&self.context)?;
        std::mem::replace(&mut self.member, member).leave(LEAVE_TIME_MAX);
        Ok(())
    }

    fn give_up(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.readers.forget(partition);
            self.gaps.close(partition);
            self.lag.forget(partition);
        }
        self.work = self.work.take().and_then(|work| work.without(partitions));
        self.count_partitions();
    }

    fn count_partitions(&self) {
        let count = self.readers.all().count();
        // A process has far fewer partitions than a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        gauge!(PARTITIONS, "projection" => P::NAME).set(count as f64);
    }

    fn each_reading(&mut self, act: impl Fn(&mut Member, &Partition) -> Result<(), ReadError>) {
        for partition in self.readers.reading() {
            if let Err(error) = act(&mut self.member, partition) {
                tracing::warn!(%error, %partition, "A partition could not be paused or resumed.");
            }
        }
    }
}

fn join<P: Projection>(context: &Context) -> Result<Member, StartError> {
    let topics: Vec<&str> = P::TOPICS.iter().map(|topic| topic.name()).collect();
    let group = format!("{}-{}", context.settings.group, P::NAME);
    let membership =
        Membership { group: &group, client_id: &group, topics: &topics, pace: Pace::InBatches };
    Member::join(&context.connection, &membership)
}

async fn bounded<F: Future>(future: F) -> Result<F::Output, Elapsed> {
    timeout(ATTEMPT_TIME_MAX, future).await
}
