//! The pure function that applies one record to a shard.

use events::Millis;

use crate::{
    answer, client, control,
    emit::{Cause, Draft, Drafts},
    fold, follow_up,
    halt::Halt,
    intake::{self, Intake},
    output::Output,
    plan::{Notice, Plan},
    record::{Record, Timestamp},
    rules::Revision,
    state::{State, Tombstone},
};

/// What one record gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In the order in which they are written.
    pub outputs: Vec<Output>,
    pub notices: Vec<Notice>,
}

/// Applies one record. The next record must be the first of the log at or above `state.next_offset()`.
///
/// # Errors
/// A [`Halt`] stops the shard before this record; the state must be dropped.
pub fn step(state: &mut State, record: &Record<'_>) -> Result<Step, Halt> {
    let (intake, now) = begin(state, record)?;
    let plan = plan(state, now, &intake, None)?;
    Ok(apply(state, record, now, &intake, plan))
}

/// Reads the record and forgets what its time makes forgotten; gives the log time of the step.
pub(crate) fn begin<'a>(
    state: &mut State,
    record: &Record<'a>,
) -> Result<(Intake<'a>, Millis), Halt> {
    // An offset may hold no record (a transaction's marker takes one). Every reader of the log passes
    // over the same ones; a reader that lost records has another chain at the next commit.
    if record.offset < state.next_offset {
        return Err(Halt::OutOfOrder { expected: state.next_offset, found: record.offset });
    }
    let rules = state.rules().map_or(0, |revision| revision.rules);
    let intake = intake::read(state, record, rules)?;
    let now = planted!(
        WallClockInStep => crate::planted::instance().clock,
        TickCarryingAClock => ticked(record).max(record.timestamp.advance(state.now));
        record.timestamp.advance(state.now)
    );
    evict(state, now);
    Ok((intake, now))
}

/// Decides by the shard's rules, or by those given `instead`; changes nothing.
pub(crate) fn plan(
    state: &State,
    now: Millis,
    intake: &Intake<'_>,
    instead: Option<&Revision>,
) -> Result<Plan, Halt> {
    let rules = instead.or(state.rules());
    match intake {
        Intake::Client(client) => client::plan(state, now, client, rules),
        Intake::FollowUp(follow_up) => follow_up::plan(state, now, follow_up, instead),
        Intake::Control(command) => control::plan(state, now, command, rules),
        Intake::Foreign(fault) => Ok(Plan { dead_letter: Some(fault.clone()), ..Plan::default() }),
    }
}

/// Forgets commands and retires final orders, a bounded number of each.
fn evict(state: &mut State, now: Millis) {
    let Some(rules) = state.rules() else { return };
    let entries_max = usize::try_from(rules.parameters.evict_max).unwrap_or(1);
    state.memory.evict(now, entries_max);
    for _ in 0..entries_max {
        let Some(order_id) = state.retirement.pop_due(now) else { return };
        if let Some(order) = state.aggregates.orders.remove(&order_id) {
            plant!(NoTombstone => continue);
            let tombstone = Tombstone { version: order.version, status: order.status() };
            state.retirement.bury(&order_id, tombstone);
        }
    }
}

/// Carries out a plan.
pub(crate) fn apply(
    state: &mut State,
    record: &Record<'_>,
    now: Millis,
    intake: &Intake<'_>,
    plan: Plan,
) -> Step {
    keep_books(state, record, now, &plan);
    let mut notices = plan.notices;
    if matches!(record.timestamp, Timestamp::Foreign(_)) {
        notices.push(Notice::ForeignTimestamp);
    }

    let mut drafts = Drafts::new(record, cause(intake), now);
    let mut decided = Vec::new();
    for event in plan.events {
        let version = fold::evolve(state, &event);
        decided.extend(answer::decided_by(state, &event));
        drafts.push(Draft::event(state.shard, &event, version));
    }
    for follow_up in plan.follow_ups {
        drafts.push(Draft::follow_up(&follow_up, state.rules.revision()));
    }
    let event_mark = drafts.mark_after_events(state);
    for placement in decided {
        answer::placement(state, &mut drafts, placement, event_mark);
    }
    if let (Intake::Client(client), Some(verdict)) = (intake, plan.verdict) {
        answer::client(state, &mut drafts, client, verdict, event_mark);
    }
    if let Some(fault) = plan.dead_letter {
        notices.push(Notice::DeadLetter(fault.class));
        drafts.push(Draft::dead_letter(state, record.offset, fault));
    }
    Step { outputs: drafts.finish(state), notices }
}

/// Everything a plan changes beside the aggregates: time, marks, rules, incarnation, positions.
fn keep_books(state: &mut State, record: &Record<'_>, now: Millis, plan: &Plan) {
    state.now = now;
    state.next_offset = record.offset + 1;
    if let Some((source, mark)) = plan.mark {
        state.links.accept(source, mark);
    }
    if let Some(proposal) = &plan.proposal {
        state.rules.propose(proposal);
        state.stream_id.get_or_insert_with(|| proposal.stream_id.clone());
    }
    if let Some(revision) = plan.activation {
        state.rules.activate(revision);
    }
    if let Some(incarnation) = plan.incarnation {
        state.incarnation = incarnation;
        state.links.restart();
    }
    if let Some((order_id, position)) = &plan.answered
        && let Some(placement) = state.placements.get_mut(order_id)
    {
        let answered = (position.kind.clone(), position.partition);
        placement.positions.insert(answered, position.mark());
    }
}

fn cause<'a>(intake: &Intake<'a>) -> Cause<'a> {
    match intake {
        Intake::Client(client) => {
            Cause { command_id: Some(client.command_id), traceparent: client.traceparent }
        }
        Intake::FollowUp(follow_up) => {
            Cause { command_id: follow_up.command_id, traceparent: follow_up.traceparent }
        }
        Intake::Control(_) | Intake::Foreign(_) => Cause::default(),
    }
}

/// The clock that a planted bug writes into its Ticks.
#[cfg(feature = "planted-bugs")]
fn ticked(record: &Record<'_>) -> Millis {
    record.headers.number("clock").unwrap_or(0)
}
