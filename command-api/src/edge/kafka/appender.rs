//! Appends commands, and brings the log's word about each append to the one who waits.
//!
//! ```text
//! working --failed, stalled or suspect--> failed: nothing outstanding will be acknowledged
//!    ^                                       |
//!    +---------- a new producer -------------+
//! ```
//!
//! Commands of different requests need no order among each other, so an edge may go on after a
//! record that was given up, and may replace its producer: what was outstanding is *unknown*, and
//! the idempotency key makes a repeat harmless.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use eventlog::producer::{Ended, Options};
use eventlog::{Outgoing, Producer, Report, Reports, SendError, StartError};
use events::Topic;
use service::health::{Condition, Health, Heartbeat};

use super::{Desk, JoinError, SILENCE_MAX, SLICE};
use crate::edge::log::{Append, CommandLog, NotTaken};
use crate::edge::waiting::Unknown;

/// Pause before another producer is started after one could not be.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// The producer in use; `None` while it is being replaced.
type Slot = Arc<RwLock<Option<Producer>>>;

/// Appends to the command topics. Its thread ends after the stop, once every append has its word.
#[derive(Debug)]
pub(super) struct Appender {
    slot: Slot,
}

impl Appender {
    /// Starts the producer and the thread that takes its reports.
    pub(super) fn start(desk: Desk, health: &Health) -> Result<(Self, JoinHandle<()>), JoinError> {
        let (producer, reports) = start_producer(&desk)?;
        let slot: Slot = Arc::new(RwLock::new(Some(producer)));
        let condition = health.condition("command producer");
        condition.set_ready();
        let heartbeat = health.heartbeat("append reports", SILENCE_MAX);
        let clerk = Clerk { slot: Arc::clone(&slot), desk, condition, heartbeat };
        let thread = thread::Builder::new()
            .name("append-reports".to_owned())
            .spawn(move || clerk.run(reports))
            .map_err(JoinError::Thread)?;
        Ok((Self { slot }, thread))
    }
}

impl CommandLog for Appender {
    fn append(&self, record: Append<'_>) -> Result<(), NotTaken> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let producer = slot.as_ref().ok_or(NotTaken::Unavailable)?;
        // A ticket counts the commands of this process from 1; it fits the tag of every platform
        // that holds as many.
        let tag = usize::try_from(record.ticket).map_err(|_| NotTaken::Unavailable)?;
        let outgoing = Outgoing {
            topic: Topic::Commands(record.shard.kind).name(),
            partition: record.shard.partition,
            key: Some(record.key.as_bytes()),
            value: record.value,
            headers: &record.headers,
            tag,
        };
        producer.send(&outgoing).map_err(|error| match error {
            SendError::QueueFull => NotTaken::BufferFull,
            SendError::TooLarge { .. } => NotTaken::TooLarge,
            SendError::Fatal => NotTaken::Unavailable,
            SendError::Refused { .. } => {
                tracing::error!(%error, "The Kafka client refuses a command.");
                NotTaken::Unavailable
            }
        })
    }
}

/// Takes the reports of one producer after the other.
struct Clerk {
    slot: Slot,
    desk: Desk,
    condition: Condition,
    heartbeat: Heartbeat,
}

impl Clerk {
    fn run(self, mut reports: Reports) {
        while let Some(reason) = self.take(&reports) {
            self.condition.set_unready(format!("the producer is replaced: {reason}"));
            self.put(None);
            self.desk.waiting.acknowledge_none();
            let Some(next) = self.replace() else { return };
            reports = next;
            self.condition.set_ready();
        }
    }

    /// Takes reports until the producer is in doubt, and says why; `None` after the stop.
    fn take(&self, reports: &Reports) -> Option<String> {
        let mut stopping_since = None;
        loop {
            self.heartbeat.beat();
            match reports.take_within(SLICE) {
                Ok(Some(report)) => {
                    if let Some(doubt) = self.note(report) {
                        return Some(doubt);
                    }
                }
                Ok(None) if self.is_done(&mut stopping_since) => {
                    self.put(None);
                    return None;
                }
                Ok(None) => {}
                Err(Ended) => return Some("it has ended".to_owned()),
            }
        }
    }

    /// Brings one report to the desk; `Some` when the producer's word cannot be trusted any more.
    fn note(&self, report: Report) -> Option<String> {
        match report {
            Report::Delivered { tag, offset, timestamp } => {
                let word = Ok(timestamp.log_append());
                if let Some(shard) = self.desk.waiting.acknowledge(ticket(tag), word) {
                    self.desk.shards.appended(shard, offset, Instant::now());
                }
                None
            }
            Report::Failed { tag, reason } => {
                tracing::warn!(reason, "A command was not acknowledged; its outcome is unknown.");
                self.desk.waiting.acknowledge(ticket(tag), Err(Unknown));
                None
            }
            Report::Suspect { tag, reason } => {
                self.desk.waiting.acknowledge(ticket(tag), Err(Unknown));
                Some(reason)
            }
            Report::Fatal { reason } => Some(reason),
            Report::Stalled { polled } => Some(format!("no report for {polled:?}")),
        }
    }

    /// Whether the stop was asked for and every append has its word, or had time for it.
    fn is_done(&self, stopping_since: &mut Option<Instant>) -> bool {
        if !self.desk.stop.is_cancelled() {
            return false;
        }
        let since = *stopping_since.get_or_insert_with(Instant::now);
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let outstanding = slot.as_ref().map_or(0, Producer::outstanding);
        outstanding == 0 || since.elapsed() > self.desk.append_timeout
    }

    /// Starts another producer; `None` when the stop came first.
    fn replace(&self) -> Option<Reports> {
        while !self.desk.stop.is_cancelled() {
            self.heartbeat.beat();
            match start_producer(&self.desk) {
                Ok((producer, reports)) => {
                    self.put(Some(producer));
                    return Some(reports);
                }
                Err(error) => {
                    tracing::error!(%error, "The command producer cannot be started again.");
                    // Parked for a bounded time, in slices of nothing: nobody unparks this thread.
                    thread::park_timeout(RESTART_PAUSE);
                }
            }
        }
        None
    }

    fn put(&self, producer: Option<Producer>) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = producer;
    }
}

fn start_producer(desk: &Desk) -> Result<(Producer, Reports), StartError> {
    Producer::start(&desk.connection, &Options::commands(&desk.client_id, desk.append_timeout))
}

fn ticket(tag: usize) -> u64 {
    // A tag was made from a ticket.
    u64::try_from(tag).unwrap_or_default()
}
