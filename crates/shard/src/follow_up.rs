//! Follow-ups: de-duplicated by link sequence, never refused (PROTOCOL 13).

use events::{Command, Millis, position::Arrival};

use crate::{
    halt::Halt,
    intake::FollowUp,
    plan::{Notice, Plan, guarded, react},
    rules::Revision,
    state::State,
};

/// Plans by the shard's rules, or by those given `instead`.
pub(crate) fn plan(
    state: &State,
    now: Millis,
    follow_up: &FollowUp<'_>,
    instead: Option<&Revision>,
) -> Result<Plan, Halt> {
    match arrival(state, follow_up) {
        Arrival::Repeat => return Ok(noticed(Notice::Repeat(follow_up.source))),
        Arrival::Gap => return Ok(noticed(Notice::Gap(follow_up.source))),
        Arrival::Next => {}
    }
    let activation = activation(state, follow_up)?;
    let revision = instead.or(activation.as_ref()).or(state.rules()).ok_or(Halt::NotInitialised)?;
    let rules = revision.in_force()?;
    let (events, follow_ups) = guarded(|| {
        let decision = domain::decide(&state.aggregates, &follow_up.command, now, &rules);
        let follow_ups = react(state, rules.parameters, &decision.events);
        (decision.events, follow_ups)
    })
    .map_err(|message| Halt::FollowUpPanicked { source_shard: follow_up.source, message })?;
    let answered = match &follow_up.command {
        Command::RecordReservation(answer) => {
            Some((answer.order_id.clone(), answer.position.clone()))
        }
        _ => None,
    };
    Ok(Plan {
        events,
        follow_ups,
        mark: Some((follow_up.source, follow_up.mark)),
        answered,
        activation,
        notices: activation.iter().map(|a| Notice::RulesActivated(a.revision)).collect(),
        ..Plan::default()
    })
}

fn arrival(state: &State, follow_up: &FollowUp<'_>) -> Arrival {
    planted!(
        NoLinkMarks => Arrival::Next,
        LastIdOnly => unless_last(state, follow_up);
        state.links.arrival(follow_up.source, follow_up.mark)
    )
}

/// The revision that this follow-up switches to, because its shard has switched before.
fn activation(state: &State, follow_up: &FollowUp<'_>) -> Result<Option<Revision>, Halt> {
    if state.rules().is_none() {
        return Err(Halt::NotInitialised);
    }
    if planted!(NoRulesOnFollowUps => true; follow_up.revision <= state.rules.revision()) {
        return Ok(None);
    }
    let proposed = state.rules.proposed(follow_up.revision).ok_or(Halt::RevisionNotProposed {
        source_shard: follow_up.source,
        revision: follow_up.revision,
    })?;
    known(proposed).map(Some)
}

/// Refuses a revision whose code version this binary does not have.
pub(crate) fn known(revision: &Revision) -> Result<Revision, Halt> {
    revision.in_force().map(|_| *revision)
}

fn noticed(notice: Notice) -> Plan {
    Plan { notices: vec![notice], ..Plan::default() }
}

#[cfg(feature = "planted-bugs")]
fn unless_last(state: &State, follow_up: &FollowUp<'_>) -> Arrival {
    let is_last = state.links.marks.get(&follow_up.source) == Some(&follow_up.mark);
    if is_last { Arrival::Repeat } else { Arrival::Next }
}
