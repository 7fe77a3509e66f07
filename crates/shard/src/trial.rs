//! Deciding a record of the log twice: as it was decided, and as other rules would decide it.
//!
//! Each record is tried on the state that it really met, so every difference is that of one
//! decision and never the echo of an earlier one. Nothing of the trial enters the state.

use events::{Command, Event, Millis};

use crate::{
    halt::Halt,
    intake::{self, Intake},
    plan::{Plan, Verdict},
    record::Record,
    rules::Revision,
    state::State,
    step::{self, Step},
};

/// A record that other rules would have decided differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The client command that it stems from; `None` for ticks.
    pub command_id: Option<u128>,
    /// Record name of the command.
    pub command: &'static str,
    /// The record's key; empty for ticks.
    pub key: String,
    pub was: Decided,
    pub would: Decided,
}

/// What one decision came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub events: Vec<Event>,
    pub answer: Answer,
}

/// What the author of the command hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: follow-ups and ticks are not answered.
    Nobody,
    Done,
    /// The answer waits for the product shards.
    Deferred,
    /// The refusal's code.
    Refused(String),
    /// The stored outcome of an earlier copy, or its answer once there is one.
    Repeat,
    /// Issued-at outside the window.
    Stale,
    /// The shard would stop before this record, for the reason given.
    Halt(String),
}

/// Steps a record, and tells whether `candidate` would have decided it differently.
///
/// # Errors
/// A [`Halt`] of the step as it was; the state must be dropped.
pub fn try_step(
    state: &mut State,
    record: &Record<'_>,
    candidate: &Revision,
) -> Result<(Step, Option<Trial>), Halt> {
    let (intake, now) = step::begin(state, record)?;
    let plan = step::plan(state, now, &intake, None)?;
    let was = decided(&plan);
    let would = match state.rules() {
        // Before the first rules nothing is decided.
        None => was.clone(),
        Some(_) => match would(state, record, now, candidate) {
            Ok(plan) => decided(&plan),
            Err(halt) => Decided { events: Vec::new(), answer: Answer::Halt(halt.to_string()) },
        },
    };
    let trial = (was != would).then(|| trial(record, &intake, was, would));
    Ok((step::apply(state, record, now, &intake, plan), trial))
}

/// The plan by other rules, which may know commands that these do not.
fn would(
    state: &State,
    record: &Record<'_>,
    now: Millis,
    candidate: &Revision,
) -> Result<Plan, Halt> {
    let intake = intake::read(state, record, candidate.rules)?;
    step::plan(state, now, &intake, Some(candidate))
}

fn decided(plan: &Plan) -> Decided {
    let answer = match &plan.verdict {
        None => Answer::Nobody,
        Some(Verdict::Decided(None)) => Answer::Done,
        Some(Verdict::Decided(Some(refusal))) => Answer::Refused(refusal.code.clone()),
        Some(Verdict::Deferred) => Answer::Deferred,
        Some(Verdict::Replayed | Verdict::Attached) => Answer::Repeat,
        Some(Verdict::Stale) => Answer::Stale,
        Some(Verdict::KeyReused) => Answer::Refused("key-reused".to_owned()),
        Some(Verdict::NotInitialised) => Answer::Refused("not-initialised".to_owned()),
    };
    Decided { events: plan.events.clone(), answer }
}

/// The name of a command that the shard's own rules do not know, but this build does.
fn name_of(record: &Record<'_>) -> &'static str {
    let command = record.value.and_then(|value| Command::from_single_object(value).ok());
    command.map_or("", |command| command.name())
}

fn trial(record: &Record<'_>, intake: &Intake<'_>, was: Decided, would: Decided) -> Trial {
    let (command_id, command, key) = match intake {
        Intake::Client(client) => {
            let body = client.body.as_ref();
            let name = body.map_or_else(|_| name_of(record), |command| command.name());
            (Some(client.command_id), name, client.key)
        }
        Intake::FollowUp(intake::FollowUp { command_id, command, .. }) => {
            (*command_id, command.name(), command.key().unwrap_or_default())
        }
        Intake::Control(command) => (None, command.name(), ""),
        Intake::Foreign(_) => (None, "", ""),
    };
    Trial { command_id, command, key: key.to_owned(), was, would }
}
