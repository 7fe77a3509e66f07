//! Versions without gaps, and every refusal of an order's command had its reason at its version.

use std::collections::BTreeMap;

use events::{Event, Kind, outcome::Outcome};

use super::{STALE_VERSION, Violations};
use crate::faults::{
    evidence::{Evidence, Fact},
    history::{Ask, History},
    wish::Wish,
};

/// The events of every order, the first of which has version 1.
#[derive(Debug)]
pub(crate) struct Orders<'a> {
    lives: BTreeMap<&'a str, Vec<&'a Event>>,
}

impl<'a> Orders<'a> {
    /// Sorts the events by order, and counts the versions of all aggregates on the way.
    pub(super) fn fold(evidence: &'a Evidence, violations: &mut Violations) -> Self {
        let mut lives: BTreeMap<(Kind, &str), Vec<&Event>> = BTreeMap::new();
        for Fact { version, event, .. } in &evidence.facts {
            if !event.is_versioned() {
                continue;
            }
            let life = lives.entry((event.kind(), event.key())).or_default();
            life.push(event);
            if version.map(i64::cast_unsigned) != Some(life.len() as u64) {
                let detail = format!("{version:?} for the {}. event: {event:?}", life.len());
                violations.add("version-gap", detail);
            }
        }
        let of_orders = lives.into_iter().filter(|((kind, _), _)| *kind == Kind::Orders);
        Self { lives: of_orders.map(|((_, id), life)| (id, life)).collect() }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &[&'a Event])> {
        self.lives.iter().map(|(id, life)| (*id, &**life))
    }

    pub(super) fn life(&self, id: &str) -> &[&'a Event] {
        self.lives.get(id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn judge(
        &self,
        history: &History,
        evidence: &Evidence,
        violations: &mut Violations,
    ) {
        for ask in history.asks.iter().filter(|ask| ask.wish.kind() == Kind::Orders) {
            let Some(outcome) = evidence.outcomes.get(&ask.command_id) else { continue };
            let shown = outcome.order.as_ref().map(|order| &*order.status);
            let until = usize::try_from(outcome.version).unwrap_or(0);
            let life = self.life(ask.wish.aggregate());
            let status = life.get(..until).and_then(status);
            if life.len() < until || shown != status {
                let detail = format!("{shown:?} where the log says {status:?}: {ask}");
                violations.add("wrong-status", detail);
            }
            if let Some(refusal) = outcome.refused()
                && !is_justified(ask, outcome, &refusal.code, status, life)
            {
                violations.add("unjustified", format!("{outcome:?} while {status:?}: {ask}"));
            }
        }
    }
}

/// The status after some events; `None` before the first.
pub(super) fn status(life: &[&Event]) -> Option<&'static str> {
    life.iter().rev().find_map(|event| match event {
        Event::OrderPlaced(_) => Some("placed"),
        Event::OrderReserved(_) | Event::OrderPartlyReserved(_) => Some("reserved"),
        Event::OrderRejected(_) => Some("rejected"),
        Event::OrderPaid(_) => Some("paid"),
        Event::OrderShipped(_) => Some("shipped"),
        Event::OrderCancelled(_) => Some("cancelled"),
        Event::OrderExpired(_) => Some("expired"),
        _ => None,
    })
}

fn is_justified(
    ask: &Ask,
    outcome: &Outcome,
    code: &str,
    status: Option<&str>,
    life: &[&Event],
) -> bool {
    if code == STALE_VERSION {
        return true;
    }
    let is_final = matches!(status, Some("rejected" | "shipped" | "cancelled" | "expired"));
    let as_final =
        is_final && status == Some(if code == "already-shipped" { "shipped" } else { code });
    match &ask.wish {
        // That the lines were refused rightly is judged with the stock.
        Wish::Place { .. } => {
            let refused = outcome.refused().and_then(|refusal| refusal.lines.first());
            status == Some("rejected") && refused.is_some_and(|line| line.reason == code)
        }
        Wish::Pay { amount, .. } => {
            let total = life.iter().find_map(|event| match event {
                Event::OrderReserved(e) => Some(e.total.amount),
                Event::OrderPartlyReserved(e) => Some(e.total.amount),
                _ => None,
            });
            match code {
                "wrong-amount" => status == Some("reserved") && total != Some(*amount),
                "already-paid" => status == Some("paid"),
                "not-reserved" => status == Some("placed"),
                _ => as_final,
            }
        }
        Wish::Ship { .. } if code == "not-paid" => matches!(status, Some("placed" | "reserved")),
        Wish::Ship { .. } | Wish::Cancel { .. } => as_final,
        Wish::Register { .. } | Wish::Receive { .. } | Wish::Adjust { .. } => false,
    }
}
