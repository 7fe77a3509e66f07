//! The edge: HTTP in, commands into the log, replies out.
//!
//! A request is validated, turned into a typed command, appended to the shard that owns its key and
//! answered with the reply. The edge holds no state that matters: any number of instances work
//! beside each other, and what one of them forgets is in the log.

pub mod admission;
mod answer;
mod body;
mod bulk;
mod carry_out;
mod crowd;
pub mod kafka;
pub mod log;
mod metrics;
pub mod promises;
mod request;
pub mod routes;
pub mod settings;
pub mod shards;
pub mod sold_out;
mod submit;
pub mod waiting;

use std::sync::{Arc, PoisonError, RwLock};

use events::command::Parameters;
use log::CommandLog;
use promises::Promises;
use settings::Settings;
use shard::edge::Window;
use shards::Shards;
use sold_out::SoldOut;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use waiting::Waiting;

/// Who asks, until callers are authenticated.
const CALLER: &str = "anonymous";

/// What the handlers share.
#[derive(Debug)]
pub struct Edge {
    pub settings: Settings,
    /// Where commands go.
    pub log: Box<dyn CommandLog>,
    /// Who waits for which reply.
    pub waiting: Arc<Waiting>,
    /// The load of every shard.
    pub shards: Arc<Shards>,
    /// What was refused for lack of stock a moment ago.
    pub sold_out: SoldOut,
    /// Within which log times a command is decided, by the rules in force.
    pub window: RwLock<Window>,
    /// The partition of the replies topic that this instance reads.
    pub replies_partition: i32,
    /// Places for bulk streams.
    pub streams: Arc<Semaphore>,
    /// Room for commands that are decided after their answer.
    pub promises: Promises,
    /// Cancelled when the process begins to stop: bulk streams end before their clients do.
    pub stopping: CancellationToken,
}

impl Edge {
    /// The rules in force are these: commands from now on are judged by them.
    pub fn go_by(&self, parameters: &Parameters) {
        self.shards.remember_most(parameters.dedup_entries_max);
        // Two numbers are written at once; nothing under this lock panics.
        let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
        *window = Window::of(parameters);
    }

    fn window(&self) -> Window {
        *self.window.read().unwrap_or_else(PoisonError::into_inner)
    }
}
