//! Every command is decided once, and every answer says what was decided.

use std::collections::BTreeMap;

use events::outcome::Outcome;
use uuid::Uuid;

use super::{Violations, shown::is_outcome};
use crate::faults::{
    evidence::Evidence,
    history::{Ask, History, Seen, Told},
};

pub(super) fn judge(history: &History, evidence: &Evidence, violations: &mut Violations) {
    let asks: BTreeMap<Uuid, &Ask> = history.asks.iter().map(|ask| (ask.command_id, ask)).collect();
    for (id, outcome) in &evidence.outcomes {
        if !asks.contains_key(id) {
            violations.add("never-asked", format!("{outcome:?}"));
        }
    }
    for ask in &history.asks {
        let mut finals = ask.finals().peekable();
        if finals.peek().is_none() {
            violations.add("never-answered", ask.to_string());
        }
        let Some(outcome) = evidence.outcomes.get(&ask.command_id) else {
            violations.add("answered-and-not-decided", ask.to_string());
            continue;
        };
        // Whatever was told once stays true, so all answers are held against the one outcome.
        if let Some(wrong) = finals.find(|told| !agrees(told, outcome)) {
            violations.add("contradicted", format!("{wrong:?} but {outcome:?}: {ask}"));
        }
    }
    // What was looked up while the faults went on must have stayed true.
    for (id, shown) in &history.looked_up {
        let outcome = evidence.outcomes.get(id);
        if !outcome.is_some_and(|outcome| is_outcome(shown, outcome)) {
            violations.add("shown-wrong", format!("{outcome:?}, {shown}"));
        }
    }
    for seen in &history.seen {
        if seen.version_shown < seen.version_told {
            let Seen { order, version_told, version_shown } = seen;
            let detail = format!("{order}: told {version_told}, then shown {version_shown}");
            violations.add("own-write-not-read", detail);
        }
    }
}

fn agrees(told: &Told, outcome: &Outcome) -> bool {
    let code = outcome.refused().map_or("", |refusal| &refusal.code);
    let summary = outcome.order.as_ref();
    let total = summary.and_then(|order| order.total.as_ref()).map(|total| total.amount);
    told.is_done() == outcome.refused().is_none()
        && told.code == code
        && told.version.unwrap_or(0) == outcome.version
        && (!told.is_done() || told.total == total)
        // A problem's own member `status` is a number, so the order's is found beside it.
        && told.order_status.as_deref() == summary.map(|order| &*order.status)
}
