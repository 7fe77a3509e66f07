//! Signs of life of one loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// The loop's handle; the watch ends when it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    pulse: Arc<Pulse>,
}

/// One line of `/livez`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeartbeatReport {
    /// Name given at registration.
    pub name: String,
    /// Whether the last beat is recent enough.
    pub live: bool,
    /// Time since the last beat.
    pub silent_ms: u64,
    /// The longest time allowed between two beats.
    pub silent_ms_max: u64,
}

impl Heartbeat {
    pub(super) fn new(pulse: Arc<Pulse>) -> Self {
        Self { pulse }
    }

    /// The loop turns. Costs one clock reading; call it on every turn, from any thread.
    pub fn beat(&self) {
        self.pulse.last_ms.store(self.pulse.now_ms(), Ordering::Relaxed);
    }
}

/// Shared by the handle and, weakly, by the registry.
#[derive(Debug)]
pub(super) struct Pulse {
    name: String,
    max_silence: Duration,
    began: Instant,
    /// Time of the last beat, since `began`.
    last_ms: AtomicU64,
}

impl Pulse {
    pub(super) fn new(name: String, max_silence: Duration) -> Self {
        Self { name, max_silence, began: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    pub(super) fn report(&self) -> HeartbeatReport {
        // A beat between the two readings may be later than `now`; then nothing is silent.
        let silent_ms = self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed));
        let silent_ms_max = whole_ms(self.max_silence);
        let live = silent_ms <= silent_ms_max;
        HeartbeatReport { name: self.name.clone(), live, silent_ms, silent_ms_max }
    }

    fn now_ms(&self) -> u64 {
        whole_ms(self.began.elapsed())
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
