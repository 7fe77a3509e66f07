//! Health: what a process waits for (readiness) and whether its loops still turn (liveness).
//!
//! Readiness may depend on other systems; liveness never does, because restarting a process does
//! not mend a broker.

mod condition;
mod heartbeat;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use condition::{Condition, ConditionReport, Needed};
pub use heartbeat::{Heartbeat, HeartbeatReport};

use condition::Slot;
use heartbeat::Pulse;

/// The registry of conditions and heartbeats of one process. Clones share it.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    stop: CancellationToken,
    conditions: Mutex<Vec<Arc<Slot>>>,
    heartbeats: Mutex<Vec<Weak<Pulse>>>,
}

/// Answer of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether requests should be sent here.
    pub ready: bool,
    /// Whether a stop was asked for; such a process is never ready.
    pub stopping: bool,
    /// Every condition, in the order of registration.
    pub conditions: Vec<ConditionReport>,
}

/// Answer of `/startupz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Startup {
    /// Whether every condition has been ready at least once.
    pub started: bool,
    /// Names of the conditions that never were.
    pub waiting_for: Vec<String>,
}

/// Answer of `/livez`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Liveness {
    /// Whether every loop has given a sign of life in time.
    pub live: bool,
    /// Every heartbeat that still has an owner.
    pub heartbeats: Vec<HeartbeatReport>,
}

impl Health {
    /// An empty registry; the process stops being ready when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        let inner = Inner { stop, conditions: Mutex::default(), heartbeats: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Registers something the process needs before it takes requests; it starts unready.
    ///
    /// `name` is a short noun for people and for the metric label, such as `replies consumer`.
    #[must_use = "a dropped condition stays unready"]
    pub fn condition(&self, name: impl Into<String>) -> Condition {
        self.register(Slot::new(name.into(), Needed::Always))
    }

    /// Registers something that only a start waits for: once it was met, the process stays ready
    /// without it, and `/readyz` goes on telling how it is.
    #[must_use = "a dropped condition stays unready"]
    pub fn start_condition(&self, name: impl Into<String>) -> Condition {
        self.register(Slot::new(name.into(), Needed::AtStart))
    }

    fn register(&self, slot: Slot) -> Condition {
        let slot = Arc::new(slot);
        lock(&self.inner.conditions).push(Arc::clone(&slot));
        Condition::new(slot)
    }

    /// Registers a loop that must call [`Heartbeat::beat`] at least every `max_silence`, counted
    /// from now. Choose it well above the longest wait in the loop. The watch ends when the
    /// handle is dropped.
    #[must_use = "a dropped heartbeat is not watched"]
    pub fn heartbeat(&self, name: impl Into<String>, max_silence: Duration) -> Heartbeat {
        let pulse = Arc::new(Pulse::new(name.into(), max_silence));
        let mut heartbeats = lock(&self.inner.heartbeats);
        heartbeats.retain(|pulse| pulse.strong_count() > 0);
        heartbeats.push(Arc::downgrade(&pulse));
        Heartbeat::new(pulse)
    }

    /// Whether the process should get requests, and if not, why.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let stopping = self.inner.stop.is_cancelled();
        let slots = lock(&self.inner.conditions);
        let ready = !stopping && !slots.iter().any(|slot| slot.holds_up());
        let conditions = slots.iter().map(|slot| slot.report()).collect();
        Readiness { ready, stopping, conditions }
    }

    /// Whether the start is over: a condition that was ready once counts, also when it is not now.
    #[must_use]
    pub fn startup(&self) -> Startup {
        let waiting_for: Vec<_> = lock(&self.inner.conditions)
            .iter()
            .filter(|slot| !slot.was_ready())
            .map(|slot| slot.name().to_owned())
            .collect();
        Startup { started: waiting_for.is_empty(), waiting_for }
    }

    /// Whether every loop still turns.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        let heartbeats: Vec<_> = lock(&self.inner.heartbeats)
            .iter()
            .filter_map(Weak::upgrade)
            .map(|pulse| pulse.report())
            .collect();
        Liveness { live: heartbeats.iter().all(|heartbeat| heartbeat.live), heartbeats }
    }
}

/// A holder of these locks only moves plain values, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> (Health, CancellationToken) {
        let stop = CancellationToken::new();
        (Health::new(stop.clone()), stop)
    }

    #[test]
    fn a_process_is_ready_when_every_condition_is() {
        let (health, _stop) = health();
        let first = health.condition("first");
        let second = health.condition("second");
        first.set_ready();
        assert!(!health.readiness().ready);
        second.set_ready();
        assert!(health.readiness().ready);
        first.set_unready("the broker does not answer");
        let report = health.readiness();
        assert!(!report.ready);
        let reason = report.conditions[0].reason.as_deref();
        assert_eq!(reason, Some("the broker does not answer"));
    }

    #[test]
    fn what_only_the_start_needs_holds_nothing_up_afterwards_and_still_tells() {
        let (health, stop) = health();
        let shards = health.start_condition("shards");
        shards.set_unready("restoring");
        assert!(!health.readiness().ready);
        shards.set_ready();
        shards.set_unready("restoring one more");
        let report = health.readiness();
        assert!(report.ready);
        assert_eq!(report.conditions[0].reason.as_deref(), Some("restoring one more"));
        assert_eq!(report.conditions[0].needed, Needed::AtStart);
        stop.cancel();
        assert!(!health.readiness().ready);
    }

    #[test]
    fn a_stopping_process_is_not_ready() {
        let (health, stop) = health();
        assert!(health.readiness().ready);
        stop.cancel();
        assert!(!health.readiness().ready);
    }

    #[test]
    fn a_condition_without_owner_is_not_ready() {
        let (health, _stop) = health();
        let condition = health.condition("consumer");
        condition.set_ready();
        drop(condition);
        assert!(!health.readiness().ready);
    }

    #[test]
    fn a_start_is_over_once_each_condition_was_ready_at_any_time() {
        let (health, _stop) = health();
        let first = health.condition("first");
        let second = health.condition("second");
        first.set_ready();
        first.set_unready("lost again");
        assert_eq!(health.startup().waiting_for, ["second"]);
        second.set_ready();
        assert!(health.startup().started);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_loop_is_not_live_until_it_beats_again() {
        let (health, _stop) = health();
        let heartbeat = health.heartbeat("poll loop", Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(health.liveness().live);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!health.liveness().live);
        heartbeat.beat();
        assert!(health.liveness().live);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_ended_is_not_watched() {
        let (health, _stop) = health();
        drop(health.heartbeat("poll loop", Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(health.liveness(), Liveness { live: true, heartbeats: Vec::new() });
    }
}
