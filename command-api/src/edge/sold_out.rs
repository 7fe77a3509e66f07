//! The sold-out hint: which SKUs this edge has just seen refused for lack of stock.
//!
//! ```text
//!           refused, n pieces left                   order for more than n
//! nothing ------------------------> n pieces left ------------------------> turned away
//!    ^                                 |    \-- one order in each PROBE_INTERVAL is let through
//!    +---- bound, or a sign of stock --+
//! ```
//!
//! Under pressure somebody is turned away before the append; better those who would get nothing. A
//! hint says nothing about earlier copies of a command, so whoever is turned away by it is told
//! that, and never that the order was refused.
//!
//! **Bound.** A refusal counts from the moment *before its own command was appended*, and the stock
//! was missing later than that. So nobody is turned away for lack of stock that has been there for
//! longer than the bound, however long the refusal itself took. A refusal that took longer than the
//! bound is no hint at all: then admission alone has the word.
//!
//! **Probe.** Stock may come in ways that this edge does not see: a cancellation, an expired order, a
//! delivery through another instance. A probe meets it, and so does the first order after the bound.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::refusal::Code;
use events::Command;
use events::codec::Record as _;
use events::command::{AdjustStock, ReceiveStock};
use events::line::RefusedLine;
use events::outcome::Outcome;
use events::reply::{Answer, Reply};

use super::metrics;

/// How often one order for a sold-out SKU is let through.
const PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// Most SKUs that are remembered; those beyond are decided like any other.
const SKUS_MAX: usize = 10_000;

/// What refusals told, for a bounded time. Shared by the handlers; the lock is held for a few
/// assignments and never across an await.
#[derive(Debug)]
pub struct SoldOut {
    /// Longest time for which stock that is there may be missed; zero: no hints.
    bound: Duration,
    table: Mutex<HashMap<String, Entry>>,
}

/// What is known of one SKU.
#[derive(Debug)]
struct Entry {
    /// The refusal followed this moment.
    asked: Instant,
    /// Pieces that were left; `None` once a later sign of stock was seen. It stays until then, so
    /// that a refusal from before the sign does not come back with a late reply.
    left: Option<i64>,
    last_probe: Instant,
}

/// Pieces by SKU.
pub(crate) type Pieces<'a> = HashMap<&'a str, i64>;

/// What a command wants to hold; empty for all but orders.
pub(crate) fn wanted(command: &Command) -> Pieces<'_> {
    let mut wanted = Pieces::new();
    if let Command::PlaceOrder(order) = command {
        for line in &order.lines {
            let pieces = wanted.entry(line.sku.as_str()).or_default();
            *pieces += line.quantity;
        }
    }
    wanted
}

impl SoldOut {
    pub fn new(bound: Duration) -> Self {
        Self { bound, table: Mutex::default() }
    }

    /// For how long a hint is believed.
    pub(crate) fn bound(&self) -> Duration {
        self.bound
    }

    /// What is left of the SKUs of an order that would get nothing, because *every* SKU is missing;
    /// else `None`. An order of which some lines are in stock is decided: the rules may place it in
    /// part.
    pub(crate) fn left<'a>(&self, wanted: &Pieces<'a>, at: Instant) -> Option<Pieces<'a>> {
        let mut table = self.table();
        if table.is_empty() || wanted.is_empty() {
            return None;
        }
        let mut left = Pieces::with_capacity(wanted.len());
        let mut is_probe = false;
        for (sku, pieces) in wanted {
            let entry = table.get(*sku).filter(|entry| entry.is_believed(self.bound, at))?;
            left.insert(sku, entry.left.filter(|left| left < pieces)?);
            is_probe |= at.saturating_duration_since(entry.last_probe) >= PROBE_INTERVAL;
        }
        if is_probe {
            for sku in wanted.keys() {
                if let Some(entry) = table.get_mut(*sku) {
                    entry.last_probe = at;
                }
            }
            return None;
        }
        Some(left)
    }

    /// Takes what a reply tells, to a command that was appended after `asked`.
    pub(crate) fn note(&self, reply: &Reply, asked: Instant, at: Instant) {
        // A repeat is told what was decided at another time.
        if self.bound.is_zero() || reply.answer != Answer::Decided || reply.replayed {
            return;
        }
        let Some(outcome) = &reply.outcome else { return };
        if is_about_stock(outcome) && outcome.refusal.is_none() {
            self.in_stock(&outcome.key, at);
        }
        let lines = outcome.refusal.iter().flat_map(|refusal| &refusal.lines);
        for line in lines.filter(|line| line.reason == Code::OutOfStock.as_str()) {
            self.refused(line, asked, at);
        }
    }

    /// An order got all its stock. Where it wanted more than was left, there is stock again.
    pub(crate) fn reserved(&self, wanted: &Pieces<'_>, at: Instant) {
        let mut table = self.table();
        for (sku, pieces) in wanted {
            if let Some(entry) = table.get_mut(*sku)
                && entry.left.is_some_and(|left| left < *pieces)
            {
                entry.sign(at);
            }
        }
    }

    fn in_stock(&self, sku: &str, at: Instant) {
        if let Some(entry) = self.table().get_mut(sku) {
            entry.sign(at);
        }
    }

    fn refused(&self, line: &RefusedLine, asked: Instant, at: Instant) {
        let Some(left) = line.available else { return };
        if at.saturating_duration_since(asked) >= self.bound {
            return;
        }
        let mut table = self.table();
        if let Some(entry) = table.get_mut(&line.sku) {
            // Several lines of one order are refused with the same number of pieces.
            if entry.asked < asked {
                (entry.asked, entry.left) = (asked, Some(left));
            }
            return;
        }
        if table.len() >= SKUS_MAX {
            table.retain(|_, entry| entry.is_believed(self.bound, at));
        }
        if table.len() < SKUS_MAX {
            table.insert(line.sku.clone(), Entry { asked, left: Some(left), last_probe: at });
        }
        metrics::sold_out_skus(table.len());
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // No code that can panic runs under this lock, so the table is whole in any case.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_believed(&self, bound: Duration, at: Instant) -> bool {
        at.saturating_duration_since(self.asked) < bound
    }

    /// Forgets the refusal, and those of commands that were appended before this moment.
    fn sign(&mut self, at: Instant) {
        (self.asked, self.left) = (self.asked.max(at), None);
    }
}

/// Whether a command that was carried out may have raised a product's stock.
fn is_about_stock(outcome: &Outcome) -> bool {
    [ReceiveStock::NAME, AdjustStock::NAME].contains(&&*outcome.command)
}

#[cfg(test)]
mod tests;
