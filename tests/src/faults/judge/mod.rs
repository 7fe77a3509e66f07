//! Holds the history against the log, and the log against the rules of a shop.
//!
//! | promise | judged in |
//! |---|---|
//! | every command is decided once, and every answer says what was decided | `answers` |
//! | what was done left its events once, at the version that it was bound to; what was refused left none | `effects` |
//! | versions without gaps; every refusal of an order's command had its reason | `orders` |
//! | no oversell at any prefix; stock is held, given back and shipped once; every refusal of stock had its reason | `stock` |
//! | the read models show what the log says | `shown` |

mod answers;
mod effects;
mod orders;
mod shown;
mod stock;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{evidence::Evidence, history::History};
use crate::System;
use orders::Orders;
use stock::Stock;

/// The refusal of a command whose condition does not hold; `effects` judges all of them.
const STALE_VERSION: &str = "stale-version";
/// Violations of one kind that are told; the rest is counted.
const TOLD_MAX: usize = 5;

/// What was found to be wrong, by kind.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    kinds: BTreeMap<&'static str, (usize, Vec<String>)>,
}

impl Violations {
    pub(crate) fn add(&mut self, kind: &'static str, detail: String) {
        let (count, told) = self.kinds.entry(kind).or_default();
        *count += 1;
        if told.len() < TOLD_MAX {
            told.push(detail);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

impl std::fmt::Display for Violations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (kind, (count, told)) in &self.kinds {
            writeln!(f, "{kind}: {count}")?;
            for detail in told {
                writeln!(f, "  {detail}")?;
            }
        }
        Ok(())
    }
}

/// Judges everything that needs no running system.
pub(crate) fn judge<'a>(
    history: &'a History,
    evidence: &'a Evidence,
    violations: &mut Violations,
) -> (Orders<'a>, Stock<'a>) {
    answers::judge(history, evidence, violations);
    effects::judge(history, evidence, violations);
    let orders = Orders::fold(evidence, violations);
    orders.judge(history, evidence, violations);
    let stock = Stock::fold(history, evidence, violations);
    stock.judge(history, evidence, &orders, violations);
    (orders, stock)
}

/// Judges what the query-api shows now.
///
/// # Errors
/// It does not answer.
pub(crate) async fn judge_shown(
    system: &System,
    evidence: &Evidence,
    (orders, stock): (&Orders<'_>, &Stock<'_>),
    violations: &mut Violations,
) -> anyhow::Result<()> {
    shown::judge(&system.client()?, evidence, orders, stock, violations).await
}
