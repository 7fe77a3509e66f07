//! Control records: ticks, rules and incarnations.

use events::{Command, Millis};

use crate::{
    follow_up::known,
    halt::Halt,
    intake::Fault,
    plan::{Notice, Plan, guarded, react},
    rules::Revision,
    state::State,
};

/// Plans a control record; `rules` are those that a Tick expires orders by.
pub(crate) fn plan(
    state: &State,
    now: Millis,
    command: &Command,
    rules: Option<&Revision>,
) -> Result<Plan, Halt> {
    plant!(OldBinaryIgnoringActivation => if ignores(command) { return Ok(Plan::default()) });
    match command {
        Command::Tick(_) => tick(state, now, rules),
        Command::ProposeRules(proposal) => Ok(match state.rules.objection(proposal) {
            None => Plan { proposal: Some(proposal.clone()), ..Plan::default() },
            Some(objection) => foreign("proposal-refused", objection),
        }),
        Command::ActivateRules(activate) => match state.rules.proposed(activate.revision) {
            Some(proposed) => Ok(Plan {
                activation: Some(known(proposed)?),
                notices: vec![Notice::RulesActivated(activate.revision)],
                ..Plan::default()
            }),
            None if activate.revision <= state.rules.revision() => Ok(Plan::default()),
            None => Ok(foreign("activation-refused", "the revision was never proposed here")),
        },
        Command::RaiseIncarnation(raise) if raise.incarnation > state.incarnation => Ok(Plan {
            incarnation: Some(raise.incarnation),
            notices: vec![Notice::IncarnationRaised(raise.incarnation)],
            ..Plan::default()
        }),
        _ => Ok(Plan::default()),
    }
}

/// Expires what is due at this log time, the earliest first, a bounded number at a time.
fn tick(state: &State, now: Millis, rules: Option<&Revision>) -> Result<Plan, Halt> {
    let Some(rules) = rules else { return Ok(Plan::default()) };
    let parameters = rules.in_force()?.parameters;
    guarded(|| {
        let events: Vec<_> = state
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .take(usize::try_from(parameters.expire_max).unwrap_or(1))
            .filter_map(|(_, order_id)| {
                domain::order::expire(state.aggregates.orders.get(order_id)?, now)
            })
            .collect();
        let follow_ups = react(state, parameters, &events);
        let notices = vec![Notice::Expired(events.len())];
        Plan { events, follow_ups, notices, ..Plan::default() }
    })
    .map_err(|message| Halt::TickPanicked { message })
}

fn foreign(class: &'static str, message: &str) -> Plan {
    Plan { dead_letter: Some(Fault::new(class, message)), ..Plan::default() }
}

/// The previous binary knows the first revision only.
#[cfg(feature = "planted-bugs")]
fn ignores(command: &Command) -> bool {
    let is_activation = matches!(command, Command::ActivateRules(a) if a.revision > 1);
    crate::planted::instance().is_old && is_activation
}
