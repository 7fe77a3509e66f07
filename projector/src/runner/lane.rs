//! One partition of one projection: a task that takes records in and applies them.
//!
//! ```text
//! checkpoint read -> asked for records -> batch -> applied -------------------> batch
//!       ^                                   |---> PostgreSQL, registry: again, after a pause
//!       |                                   |---> paused by an operator: again, after a look
//!       '---- conflict, switch, gap --------'
//! ```
//!
//! A lane shares nothing with the others but the pool, from which it takes a connection of its own
//! for each batch: one that waits holds up no other. It never gives up by itself; what it cannot go
//! on with, it asks to begin anew.

use std::time::{Duration, Instant};

use eventlog::{Partition, Record};
use events::position::Mark;
use metrics::{counter, gauge};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{error::Elapsed, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Context,
    backlog::Backlog,
    gap::Gap,
    lag::{self, labels},
    retry::Retry,
    start::From,
    work::{Failure, Work, chain},
};
use crate::{
    intake::{Admission, Intake},
    link::{Checkpoint, Link, Verdict},
    measure::{CONTRADICTIONS, GAP_OPEN, GAPS, LOSSES, REPEATS},
    projection::Projection,
    store::{Owner, checkpoint, generation},
};

/// Bound on one question to PostgreSQL or the registry, a whole transaction included.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(20);
/// Time between two looks whether an operator has ended a pause.
const PAUSE_LOOK: Duration = Duration::from_millis(500);
/// Time between two looks of a lane that has nothing to do: without a batch it would never find out
/// that its partition was reset.
const IDLE_LOOK: Duration = Duration::from_secs(5);
/// Failed attempts after which the checkpoint's row says so.
const FAILURES_TOLD: u32 = 3;

/// What a lane asks of its runner, which alone may speak to the broker.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) partition: Partition,
    /// Which lane of the partition asks; those of earlier ones are passed over.
    pub(super) number: u64,
    pub(super) wish: Wish,
}

#[derive(Debug)]
pub(super) enum Wish {
    /// Records from this checkpoint on.
    Records(Checkpoint),
    /// Another lane in its place, which reads from there.
    Anew(From),
    /// Nothing: it has panicked.
    Nothing,
}

/// What a runner gives a lane.
#[derive(Debug)]
pub(super) enum Given {
    /// Reading begins with this link; records follow.
    Begun(Link),
    Record(Record),
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) context: Context,
    pub(super) partition: Partition,
    pub(super) number: u64,
    pub(super) inbox: UnboundedReceiver<Given>,
    pub(super) asks: UnboundedSender<Ask>,
    pub(super) backlog: Backlog,
    pub(super) stop: CancellationToken,
    /// Looks for what is missing; outlives the lanes that look.
    pub(super) gap: Gap,
}

/// Why a lane ends.
enum End {
    Stopped,
    Anew(From),
}

impl Lane {
    /// Works until the stop, or until another lane must take its place.
    pub(super) async fn run<P: Projection>(mut self) {
        // An alert on a counter that is not there would never fire.
        for counted in [GAPS, LOSSES, CONTRADICTIONS] {
            counter!(counted, labels(P::NAME, &self.partition)).increment(0);
        }
        gauge!(GAP_OPEN, labels(P::NAME, &self.partition)).increment(0.0);
        let stop = self.stop.clone();
        let work = async {
            let (owner, checkpoint) = self.begin::<P>().await;
            self.ask(Wish::Records(checkpoint));
            let Some(Given::Begun(link)) = self.inbox.recv().await else {
                return End::Stopped;
            };
            let intake = Intake::new(self.partition.clone(), checkpoint, link);
            self.read::<P>(owner, intake).await
        };
        // A batch that is under way is cut off, and its transaction comes to nothing or to all: the
        // next lane of the partition finds out by the checkpoint.
        if let Some(End::Anew(from)) = stop.run_until_cancelled(work).await {
            self.ask(Wish::Anew(from));
        }
    }

    fn ask(&self, wish: Wish) {
        let ask = Ask { partition: self.partition.clone(), number: self.number, wish };
        // Nobody listens any more when the runner has ended.
        let _ = self.asks.send(ask);
    }

    /// Finds the live build and how far it is, however long that takes.
    async fn begin<P: Projection>(&self) -> (Owner, Checkpoint) {
        let mut retry = Retry::new();
        loop {
            let failure = match timeout(ATTEMPT_TIME_MAX, self.stand::<P>()).await {
                Ok(Ok(stand)) => return stand,
                Ok(Err(error)) => chain(&error),
                Err(Elapsed { .. }) => "it took too long".to_owned(),
            };
            tracing::error!(
                projection = P::NAME, partition = %self.partition, error = failure,
                "The checkpoint could not be read; trying again until it can."
            );
            sleep(retry.failed()).await;
        }
    }

    async fn stand<P: Projection>(&self) -> sqlx::Result<(Owner, Checkpoint)> {
        let pool = &self.context.pool;
        let owner = generation::live(pool, P::NAME).await?;
        let partitions = [self.partition.clone()];
        let checkpoints = checkpoint::load(pool, owner, &partitions).await?;
        Ok((owner, checkpoints.get(&self.partition).copied().unwrap_or_default()))
    }

    async fn read<P: Projection>(&mut self, owner: Owner, mut intake: Intake) -> End {
        loop {
            if !self.take_in::<P>(owner, &mut intake).await {
                return End::Stopped;
            }
            match intake.take().map(Work::<P>::of) {
                Some(work) => {
                    if let Some(from) = self.apply(owner, work).await {
                        return End::Anew(from);
                    }
                }
                None if self.has_moved::<P>(owner, intake.link().end()).await => {
                    return End::Anew(From::Hint);
                }
                None => {}
            }
            if let Some(from) = self.gap.due(Instant::now()) {
                tracing::error!(
                    projection = P::NAME, partition = %self.partition, ?from,
                    "gap: records are missing, and those behind them are discarded. Repair must \
                     emit them again; meanwhile the log is read once more."
                );
                return End::Anew(from);
            }
        }
    }

    /// Whether the checkpoint is no longer where this lane left it, or another build is live.
    async fn has_moved<P: Projection>(&self, owner: Owner, left: Checkpoint) -> bool {
        match timeout(ATTEMPT_TIME_MAX, self.stand::<P>()).await {
            Ok(Ok((live, checkpoint))) => live != owner || checkpoint.mark != left.mark,
            // The next look, or the next batch, will tell.
            Ok(Err(_)) | Err(Elapsed { .. }) => false,
        }
    }

    /// Waits for a record, and takes what is ready up to the bounds of a batch; gives up for a moment
    /// when none comes. False when there is nobody who could bring more.
    async fn take_in<P: Projection>(&mut self, owner: Owner, intake: &mut Intake) -> bool {
        let settings = &self.context.settings;
        let (records_max, bytes_max) = (settings.batch_records_max, settings.batch_bytes_max);
        let look = self.gap.next_look().unwrap_or_else(|| Instant::now() + IDLE_LOOK);
        let mut next = tokio::select! {
            next = self.inbox.recv() => next,
            () = sleep_until(look.into()) => return true,
        };
        let (mut records, mut bytes) = (0, 0);
        loop {
            let Some(given) = next else {
                return records > 0;
            };
            if let Given::Record(record) = given {
                records += 1;
                bytes += lag::size(&record);
                self.backlog.taken(&record);
                self.admit::<P>(owner, intake, record).await;
            }
            if records >= records_max || bytes >= bytes_max {
                return true;
            }
            match self.inbox.try_recv() {
                Ok(given) => next = Some(given),
                Err(_) => return true,
            }
        }
    }

    /// Takes a record in, and raises the alarms that its link sequence and chain call for.
    async fn admit<P: Projection>(&mut self, owner: Owner, intake: &mut Intake, record: Record) {
        let offset = record.offset;
        let Admission::Judged(verdict) = intake.admit(record) else {
            return;
        };
        let partition = &self.partition;
        match verdict {
            Verdict::Accept { is_after_loss } => {
                if self.gap.accepted(intake.link().last()) {
                    lag::show_gap(P::NAME, partition, false);
                    tracing::info!(projection = P::NAME, %partition, offset, "The gap is healed.");
                }
                if is_after_loss {
                    counter!(LOSSES, labels(P::NAME, partition)).increment(1);
                    tracing::error!(
                        projection = P::NAME, %partition, offset,
                        "Retention took records that were not read; going on behind them."
                    );
                }
            }
            Verdict::Repeat => counter!(REPEATS, "projection" => P::NAME).increment(1),
            Verdict::Contradiction => {
                counter!(CONTRADICTIONS, labels(P::NAME, partition)).increment(1);
                tracing::error!(
                    projection = P::NAME, %partition, offset,
                    "A repeat has another chain than the checkpoint: its shard has had two \
                     opinions about one step."
                );
            }
            Verdict::Gap => self.open_gap::<P>(owner, intake.link().last(), offset).await,
        }
    }

    async fn open_gap<P: Projection>(&mut self, owner: Owner, last: Mark, offset: i64) {
        if !self.gap.open(last, Instant::now()) {
            return;
        }
        let partition = &self.partition;
        counter!(GAPS, labels(P::NAME, partition)).increment(1);
        lag::show_gap(P::NAME, partition, true);
        tracing::error!(
            projection = P::NAME, %partition, offset,
            "gap: records before this one are missing; it is discarded."
        );
        self.tell::<P>(owner, checkpoint::GAP).await;
    }

    /// Says in the checkpoint's row why nothing is applied. Only for people, so one attempt is enough.
    async fn tell<P: Projection>(&self, owner: Owner, trouble: &str) {
        let told = checkpoint::report_trouble(&self.context.pool, owner, &self.partition, trouble);
        if !matches!(timeout(ATTEMPT_TIME_MAX, told).await, Ok(Ok(()))) {
            tracing::warn!(
                projection = P::NAME, partition = %self.partition, trouble,
                "The trouble could not be written beside the checkpoint."
            );
        }
    }

    /// Applies a batch, however long it takes. Gives from where to read anew when it cannot be
    /// applied because the checkpoint is no longer where it was.
    async fn apply<P: Projection>(&mut self, owner: Owner, mut work: Work<P>) -> Option<From> {
        let mut retry = Retry::new();
        let mut is_pause_told = false;
        loop {
            let context = &self.context;
            let attempt = work.attempt(&context.pool, owner, &context.schemas);
            let error = match timeout(ATTEMPT_TIME_MAX, attempt).await {
                Ok(Ok(applied)) => {
                    work.report(&applied);
                    self.backlog.applied(work.next_offset());
                    return None;
                }
                Ok(Err(Failure::Moved(why))) => {
                    tracing::warn!(
                        projection = P::NAME, partition = %self.partition, why,
                        "The checkpoint is not where this runner left it; reading it again."
                    );
                    work.count("conflict");
                    return Some(From::Hint);
                }
                Ok(Err(Failure::Paused)) => {
                    if !is_pause_told {
                        tracing::info!(
                            projection = P::NAME, partition = %self.partition,
                            "An operator has paused this partition; waiting."
                        );
                    }
                    is_pause_told = true;
                    sleep(PAUSE_LOOK).await;
                    continue;
                }
                Ok(Err(Failure::Again(error))) => error,
                Err(Elapsed { .. }) => "it took too long".to_owned(),
            };
            let pause = retry.failed();
            tracing::error!(
                projection = P::NAME, partition = %self.partition,
                failures_count = retry.failures_count(), error,
                "A batch could not be applied; trying again until it can."
            );
            work.count("failed");
            if retry.failures_count() == FAILURES_TOLD {
                self.tell::<P>(owner, &format!("failing: {error}")).await;
            }
            sleep(pause).await;
        }
    }
}
