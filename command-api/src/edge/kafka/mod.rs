//! The real command log: one producer for appends and one reader for replies, on two threads.
//!
//! The threads hold what blocks; handlers only put a record into the producer's buffer, and wait
//! for words that the threads bring to [`Waiting`] and [`Shards`].

mod appender;
mod replies;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use eventlog::{Connection, ReadError, StartError};
use events::{Topic, command::Parameters, profile::Profile};
use rand::Rng;
use service::health::Health;
use shard::edge::Window;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::admission::Bounds;
use super::promises::Promises;
use super::settings::Settings;
use super::shards::Shards;
use super::sold_out::SoldOut;
use super::waiting::Waiting;
use super::{Edge, metrics};

use appender::Appender;
use replies::Replies;

/// Longest wait of a thread's loop; bounds how late it notices the stop.
const SLICE: Duration = Duration::from_millis(100);
/// A loop that is silent for so long is wedged. The longest call in the loops is a question to the
/// brokers, which takes ten seconds at most.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What an edge is built from.
#[derive(Debug, Clone)]
pub struct Plan {
    pub connection: Connection,
    /// Name by which the brokers know this instance.
    pub client_id: String,
    /// Says how many partitions each topic has.
    pub profile: Profile,
    /// Of the rules in force, as far as is known at the start.
    pub parameters: Parameters,
    pub settings: Settings,
    /// Cancelled when the process begins to stop.
    pub stopping: CancellationToken,
}

/// An edge that is joined to the log, with its threads.
#[derive(Debug)]
pub struct Joined {
    pub edge: Arc<Edge>,
    threads: [JoinHandle<()>; 2],
}

/// Why the log could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
}

/// Why a reading of replies broke.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What both threads work with.
#[derive(Debug, Clone)]
struct Desk {
    connection: Connection,
    client_id: String,
    append_timeout: Duration,
    waiting: Arc<Waiting>,
    shards: Arc<Shards>,
    /// When both threads end.
    stop: CancellationToken,
}

/// Starts both threads. Readiness are the conditions `command producer` and `replies consumer`.
pub fn join(plan: Plan, health: &Health, stop: CancellationToken) -> Result<Joined, JoinError> {
    metrics::describe();
    let mut random = rand::rng();
    let settings = plan.settings;
    let bounds = Bounds {
        wait_max: settings.admission_wait_max,
        dedup_entries_max: plan.parameters.dedup_entries_max,
    };
    let shards =
        Arc::new(Shards::new(|kind| plan.profile.partitions(Topic::Commands(kind)), bounds));
    let waiting = Waiting::new(random.random(), settings.in_flight_max, Arc::clone(&shards));
    let desk = Desk {
        connection: plan.connection,
        client_id: plan.client_id,
        append_timeout: settings.append_timeout,
        waiting: Arc::new(waiting),
        shards,
        stop,
    };
    let replies_partitions = plan.profile.partitions(Topic::Replies).max(1);
    let replies_partition = random.random_range(0..replies_partitions);
    let replies = Replies::new(replies_partition, desk.clone()).start(health)?;
    let (appender, reports) = Appender::start(desk.clone(), health)?;
    let edge = Edge {
        settings,
        log: Box::new(appender),
        waiting: desk.waiting,
        shards: desk.shards,
        sold_out: SoldOut::new(settings.sold_out_hint),
        window: Window::of(&plan.parameters).into(),
        replies_partition,
        streams: Arc::new(Semaphore::new(settings.bulk_streams_max)),
        promises: Promises::new(settings.in_flight_max),
        stopping: plan.stopping,
    };
    Ok(Joined { edge: Arc::new(edge), threads: [replies, reports] })
}

impl Joined {
    /// Waits until both threads have ended, after the stop.
    pub async fn ended(self) {
        let joining = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                // A panic was reported when it happened.
                let _ = thread.join();
            }
        });
        // The runtime ends no blocking work before it is done.
        let _ = joining.await;
    }
}
