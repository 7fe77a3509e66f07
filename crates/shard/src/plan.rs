//! What a step is going to do, decided on a borrowed state and applied afterwards.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use domain::FollowUp;
use events::{Event, ShardId, command::ProposeRules, outcome::Refusal, position::Mark};

use crate::{intake::Fault, rules::Revision, state::State};

/// Everything that one step changes and writes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) events: Vec<Event>,
    pub(crate) follow_ups: Vec<FollowUp>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) dead_letter: Option<Fault>,
    /// The link that a follow-up moves.
    pub(crate) mark: Option<(ShardId, Mark)>,
    /// How far an answering product shard was, by order id.
    pub(crate) answered: Option<(String, events::Position)>,
    pub(crate) proposal: Option<ProposeRules>,
    pub(crate) activation: Option<Revision>,
    pub(crate) incarnation: Option<i64>,
    pub(crate) notices: Vec<Notice>,
}

/// What a client record is told.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Decided here and now; a refusal may come with events.
    Decided(Option<Refusal>),
    /// PlaceOrder waits for its reservation.
    Deferred,
    /// A copy of a command that was decided.
    Replayed,
    /// A copy of a command that waits.
    Attached,
    Stale,
    KeyReused,
    NotInitialised,
}

/// What the owner of a shard counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A repeat of a follow-up was skipped.
    Repeat(ShardId),
    /// A follow-up was discarded, because others before it are missing.
    Gap(ShardId),
    /// A client command was answered from memory.
    Replayed,
    /// A client record was outside its window.
    Stale,
    /// A client command was refused, with its code.
    Refused(String),
    /// A dead letter was written, with its class.
    DeadLetter(&'static str),
    /// The record's timestamp is not the broker's: log time stood still.
    ForeignTimestamp,
    RulesActivated(i64),
    IncarnationRaised(i64),
    /// Deadlines that a Tick expired.
    Expired(usize),
}

/// Runs domain code; a panic becomes its message. The state is only borrowed, so nothing is torn.
pub(crate) fn guarded<T>(decide: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|panic| message_of(panic.as_ref()))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The follow-ups of one step's events.
pub(crate) fn react(
    state: &State,
    parameters: &events::command::Parameters,
    events: &[Event],
) -> Vec<FollowUp> {
    let mut mark = state.event_mark();
    // A step has at most a few thousand events.
    mark.link_sequence += i64::try_from(events.len()).unwrap_or(i64::MAX);
    let position = events::Position::new(state.shard, mark);
    let follow_ups = domain::react(events, &domain::Reaction { parameters, position });
    planted!(
        MapOrder => in_map_order(follow_ups),
        ReleasingHeldLinesOnly => without_late_ones(events, follow_ups);
        follow_ups
    )
}

#[cfg(feature = "planted-bugs")]
fn in_map_order(mut follow_ups: Vec<FollowUp>) -> Vec<FollowUp> {
    if crate::planted::instance().is_reversed {
        follow_ups.reverse();
    }
    follow_ups
}

#[cfg(feature = "planted-bugs")]
fn without_late_ones(events: &[Event], follow_ups: Vec<FollowUp>) -> Vec<FollowUp> {
    let is_late = events.iter().any(|event| matches!(event, Event::LateReservationReleased(_)));
    if is_late { Vec::new() } else { follow_ups }
}
