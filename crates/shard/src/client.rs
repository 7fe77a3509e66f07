//! Client commands: age, memory, version, then decide (PROTOCOL 15).

use domain::Rules;
use events::{Command, Millis, outcome::Refusal};

use crate::{
    halt::Halt,
    intake::{Client, Fault},
    plan::{Notice, Plan, Verdict, guarded, react},
    rules::Revision,
    state::{Recall, State},
};

/// Plans by these rules; `None` before the shard has any.
pub(crate) fn plan(
    state: &State,
    now: Millis,
    client: &Client<'_>,
    rules: Option<&Revision>,
) -> Result<Plan, Halt> {
    match rules {
        Some(rules) => Ok(plan_by(&rules.in_force()?, state, now, client)),
        None => Ok(Plan {
            verdict: Some(Verdict::NotInitialised),
            dead_letter: Some(Fault::new("not-initialised", "the shard has no rules yet")),
            ..Plan::default()
        }),
    }
}

fn plan_by(rules: &Rules<'_>, state: &State, now: Millis, client: &Client<'_>) -> Plan {
    let parameters = rules.parameters;
    let too_old = now > client.issued_at.saturating_add(parameters.accept_ms);
    let too_new = client.issued_at > now.saturating_add(parameters.skew_ms);
    let is_stale = planted!(
        NoIssuedAt => false,
        MemoryBeforeAge => (too_old || too_new) && is_unknown(state, client);
        too_old || too_new
    );
    if is_stale {
        return only(Verdict::Stale, Some(Notice::Stale));
    }
    match state.memory.recall(client.command_id, client.fingerprint) {
        Recall::OtherBody => return only(Verdict::KeyReused, None),
        Recall::Pending => return only(Verdict::Attached, None),
        Recall::Decided(_) => return only(Verdict::Replayed, Some(Notice::Replayed)),
        Recall::Unknown => {}
    }
    match &client.body {
        Ok(command) => decide(rules, state, now, client, command),
        Err(fault) => unreadable(fault),
    }
}

fn decide(
    rules: &Rules<'_>,
    state: &State,
    now: Millis,
    client: &Client<'_>,
    command: &Command,
) -> Plan {
    if let Some(refusal) = refused_before_decide(state, client) {
        return refused(refusal);
    }
    let decided = guarded(|| {
        plant!(PanicFixedWithoutRules => panics_when_old(command));
        let decision = domain::decide(&state.aggregates, command, now, rules);
        let follow_ups = react(state, rules.parameters, &decision.events);
        (decision, follow_ups)
    });
    let (decision, follow_ups) = match decided {
        Ok(decided) => decided,
        Err(message) => return panicked(message),
    };
    let deferred = decision.refusal.is_none() && matches!(command, Command::PlaceOrder(_));
    let notices = decision.refusal.iter().map(|r| Notice::Refused(r.code.clone())).collect();
    Plan {
        events: decision.events,
        follow_ups,
        verdict: Some(if deferred {
            Verdict::Deferred
        } else {
            Verdict::Decided(decision.refusal)
        }),
        notices,
        ..Plan::default()
    }
}

fn refused_before_decide(state: &State, client: &Client<'_>) -> Option<Refusal> {
    if let Some(tombstone) = state.retirement.tombstone(client.key) {
        let detail = format!("the order is closed: it was {}", tombstone.status.as_str());
        return Some(refusal("closed", detail));
    }
    let expected = client.if_match?;
    let version = state.version_of(client.key);
    (expected != version)
        .then(|| refusal("stale-version", format!("the version is {version}, not {expected}")))
}

fn unreadable(fault: &Fault) -> Plan {
    let mut plan = refused(refusal("undecodable", fault.message.clone()));
    plan.dead_letter = Some(fault.clone());
    plan
}

fn panicked(message: String) -> Plan {
    let detail = "the command met an error in the rules; nothing was changed".to_owned();
    let mut plan = refused(refusal("internal", detail));
    plan.dead_letter = Some(Fault::new("panic", message));
    plan
}

fn refused(refusal: Refusal) -> Plan {
    only(Verdict::Decided(Some(refusal.clone())), Some(Notice::Refused(refusal.code)))
}

fn only(verdict: Verdict, notice: Option<Notice>) -> Plan {
    Plan { verdict: Some(verdict), notices: notice.into_iter().collect(), ..Plan::default() }
}

fn refusal(code: &str, detail: String) -> Refusal {
    Refusal { code: code.to_owned(), detail, lines: Vec::new() }
}

/// A rule that panics in the previous binary and was fixed under the same version.
#[cfg(feature = "planted-bugs")]
fn panics_when_old(command: &Command) {
    if let Command::AdjustStock(adjust) = command {
        assert!(!crate::planted::instance().is_old || adjust.quantity > 0, "losses are not known");
    }
}

#[cfg(feature = "planted-bugs")]
fn is_unknown(state: &State, client: &Client<'_>) -> bool {
    state.memory.recall(client.command_id, client.fingerprint) == Recall::Unknown
}
