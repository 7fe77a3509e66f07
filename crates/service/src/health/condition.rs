//! One thing a process needs before it takes requests.

use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::lock;

/// The owner's handle of a readiness condition. Dropping it makes the condition unready, because
/// nobody is left who could know better.
#[derive(Debug)]
pub struct Condition {
    slot: Arc<Slot>,
}

/// For how long the process is held up by a condition that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needed {
    /// Whenever it is not met.
    Always,
    /// Until it is met for the first time; after that it only tells.
    AtStart,
}

/// One line of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionReport {
    /// Name given at registration.
    pub name: String,
    /// For how long the process needs it.
    pub needed: Needed,
    /// Whether it is met now.
    pub ready: bool,
    /// Why it is not met; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Condition {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        let condition = Self { slot };
        condition.publish(false);
        condition
    }

    /// The condition is met.
    pub fn set_ready(&self) {
        if self.slot.change(None) {
            tracing::info!(condition = self.slot.name(), "A readiness condition is met.");
            self.publish(true);
        }
    }

    /// The condition is not met; `reason` is a clause for the person on call.
    pub fn set_unready(&self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.slot.change(Some(reason.clone())) {
            tracing::warn!(
                condition = self.slot.name(),
                reason,
                "A readiness condition is not met."
            );
            self.publish(false);
        }
    }

    fn publish(&self, ready: bool) {
        let value = if ready { 1.0 } else { 0.0 };
        metrics::gauge!("health_condition_ready", "condition" => self.slot.name().to_owned())
            .set(value);
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.slot.change(Some("its owner has ended".to_owned()));
        self.publish(false);
    }
}

/// Shared by the handle and the registry.
#[derive(Debug)]
pub(super) struct Slot {
    name: String,
    needed: Needed,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Why the condition is not met; `None` when it is.
    unready: Option<String>,
    was_ready: bool,
}

impl Slot {
    pub(super) fn new(name: String, needed: Needed) -> Self {
        let unready = Some("starting".to_owned());
        Self { name, needed, state: Mutex::new(State { unready, was_ready: false }) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn was_ready(&self) -> bool {
        lock(&self.state).was_ready
    }

    pub(super) fn report(&self) -> ConditionReport {
        let reason = lock(&self.state).unready.clone();
        let (name, needed) = (self.name.clone(), self.needed);
        ConditionReport { name, needed, ready: reason.is_none(), reason }
    }

    /// Whether the process is to get no requests because of it.
    pub(super) fn holds_up(&self) -> bool {
        let state = lock(&self.state);
        let is_waived = self.needed == Needed::AtStart && state.was_ready;
        state.unready.is_some() && !is_waived
    }

    /// Whether anything changed: a loop may say the same thing often and is logged once.
    fn change(&self, unready: Option<String>) -> bool {
        let mut state = lock(&self.state);
        let changed = state.unready != unready;
        state.was_ready |= unready.is_none();
        state.unready = unready;
        changed
    }
}
