//! A ledger of its own: no oversell at any prefix, and every refusal of stock had its reason.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    Event, Kind,
    line::{PricedLine, RefusedLine},
    product::ReservationRefused,
};

use super::{STALE_VERSION, Violations, orders::Orders};
use crate::faults::{evidence::Evidence, history::History, wish::Wish};

/// What the events of products add up to.
#[derive(Debug, Default)]
pub(crate) struct Stock<'a> {
    pub(super) shelves: BTreeMap<&'a str, Shelf<'a>>,
    /// Lines that were refused for lack of stock, by order.
    refused: BTreeMap<&'a str, BTreeSet<i32>>,
}

/// One product.
#[derive(Debug, Default)]
pub(super) struct Shelf<'a> {
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) version: i64,
    /// Pieces that each order was ever given.
    given: BTreeMap<&'a str, i64>,
    /// Pieces that each order holds now.
    held: BTreeMap<&'a str, i64>,
    /// Pieces by delivery note.
    notes: BTreeMap<&'a str, i64>,
    /// Pieces that were free after each version, from 1.
    free: Vec<i64>,
}

impl<'a> Stock<'a> {
    /// All products of a shard lie in one partition, so the order of events here is the order in
    /// which they were decided.
    pub(super) fn fold(
        history: &'a History,
        evidence: &'a Evidence,
        violations: &mut Violations,
    ) -> Self {
        let wanted = history.asks.iter().filter_map(|ask| match &ask.wish {
            Wish::Place { order, lines } => Some((&**order, lines)),
            _ => None,
        });
        let wanted: BTreeMap<&str, &Vec<(String, i64)>> = wanted.collect();
        let mut stock = Self::default();
        for fact in &evidence.facts {
            match &fact.event {
                Event::ReservationRefused(e) => {
                    let lines = wanted.get(&*e.order_id).map_or(&[][..], |lines| lines);
                    stock.refuse(e, lines, violations);
                }
                event if event.kind() == Kind::Products => {
                    let shelf = stock.shelves.entry(event.key()).or_default();
                    shelf.apply(event);
                    if !shelf.is_sound() {
                        violations.add("oversold", format!("{event:?} gives {shelf:?}"));
                    }
                }
                _ => {}
            }
        }
        stock
    }

    /// A refusal names what was available, which must be what this ledger has at that moment.
    fn refuse(
        &mut self,
        event: &'a ReservationRefused,
        wanted: &[(String, i64)],
        violations: &mut Violations,
    ) {
        for line in &event.lines {
            let available =
                self.shelves.get(&*line.sku).map(|shelf| shelf.on_hand - shelf.reserved);
            let index = usize::try_from(line.line - 1).unwrap_or(usize::MAX);
            let is_right = line.reason == "out-of-stock"
                && line.available == available
                && wanted.get(index).is_some_and(|(sku, pieces)| {
                    *sku == line.sku && available.is_some_and(|available| *pieces > available)
                });
            if !is_right {
                let detail = format!("{line:?} of {} with {available:?} there", event.order_id);
                violations.add("stock-refused-wrongly", detail);
            }
            self.refused.entry(&event.order_id).or_default().insert(line.line);
        }
    }

    /// Holds orders and outcomes against the ledger's end.
    pub(super) fn judge(
        &self,
        history: &History,
        evidence: &Evidence,
        orders: &Orders<'_>,
        violations: &mut Violations,
    ) {
        for (id, life) in orders.all() {
            self.judge_order(id, life, violations);
        }
        for ask in &history.asks {
            let outcome = evidence.outcomes.get(&ask.command_id);
            let Some(refusal) = outcome.and_then(|outcome| outcome.refused()) else {
                continue;
            };
            let is_justified = match &ask.wish {
                Wish::Receive { sku, reference, pieces } => {
                    refusal.code == "reference-reused" && self.is_other(sku, reference, *pieces)
                }
                // At the version of the refusal fewer pieces were free than were lost.
                Wish::Adjust { sku, pieces } => {
                    let version = outcome.map_or(0, |outcome| outcome.version);
                    refusal.code == "below-reserved"
                        && self.free(sku, version).is_some_and(|free| free + pieces < 0)
                }
                _ if refusal.code == STALE_VERSION => true,
                // That an order was refused is judged with the orders.
                wish => self.has_refused(wish.aggregate(), &refusal.lines),
            };
            if !is_justified {
                violations.add("unjustified", format!("{refusal:?}: {ask}"));
            }
        }
    }

    /// An order was given its lines once, and holds them exactly while it waits or is paid.
    fn judge_order(&self, id: &str, life: &[&Event], violations: &mut Violations) {
        let holds = self.shelves.values().any(|s| s.held.get(id).is_some_and(|held| *held != 0));
        let status = super::orders::status(life);
        if holds != matches!(status, Some("reserved" | "paid")) {
            violations.add("stock-astray", format!("{id} is {status:?}; holds stock: {holds}"));
        }
        for event in life {
            match event {
                Event::OrderReserved(e) => self.judge_given(id, &e.lines, violations),
                Event::OrderPartlyReserved(e) => {
                    self.judge_given(id, &e.lines, violations);
                    if e.lines.is_empty()
                        || e.refused.is_empty()
                        || !self.has_refused(id, &e.refused)
                    {
                        violations.add("partly-wrongly", format!("{e:?}"));
                    }
                }
                Event::OrderRejected(e) if !self.has_refused(id, &e.refused) => {
                    violations.add("rejected-wrongly", format!("{e:?}"));
                }
                _ => {}
            }
        }
    }

    fn judge_given(&self, id: &str, lines: &[PricedLine], violations: &mut Violations) {
        for line in lines {
            let given = self.shelves.get(&*line.sku).and_then(|s| s.given.get(id));
            if given != Some(&line.quantity) {
                let detail = format!("{id} was given {given:?} for {line:?}");
                violations.add("reserved-not-once", detail);
            }
        }
    }

    fn has_refused(&self, order: &str, lines: &[RefusedLine]) -> bool {
        let refused = self.refused.get(order);
        lines.iter().all(|line| refused.is_some_and(|refused| refused.contains(&line.line)))
    }

    /// Pieces of a product that were free at a version.
    fn free(&self, sku: &str, version: i64) -> Option<i64> {
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        self.shelves.get(sku)?.free.get(index).copied()
    }

    /// Whether a delivery note came with another number of pieces.
    fn is_other(&self, sku: &str, reference: &str, pieces: i64) -> bool {
        let noted = self.shelves.get(sku).and_then(|shelf| shelf.notes.get(reference));
        noted.is_some_and(|noted| *noted != pieces)
    }
}

impl<'a> Shelf<'a> {
    fn apply(&mut self, event: &'a Event) {
        self.version += 1;
        match event {
            Event::StockReceived(e) => {
                self.on_hand += e.quantity;
                *self.notes.entry(&e.reference).or_default() += e.quantity;
            }
            Event::StockAdjusted(e) => self.on_hand += e.quantity,
            Event::StockReserved(e) => {
                self.reserved += e.quantity;
                *self.given.entry(&e.order_id).or_default() += e.quantity;
                *self.held.entry(&e.order_id).or_default() += e.quantity;
            }
            Event::StockReleased(e) => {
                self.reserved -= e.quantity;
                *self.held.entry(&e.order_id).or_default() -= e.quantity;
            }
            Event::StockShipped(e) => {
                self.reserved -= e.quantity;
                self.on_hand -= e.quantity;
                *self.held.entry(&e.order_id).or_default() -= e.quantity;
            }
            _ => {}
        }
        self.free.push(self.on_hand - self.reserved);
    }

    fn is_sound(&self) -> bool {
        0 <= self.reserved && self.reserved <= self.on_hand && self.held.values().all(|h| *h >= 0)
    }
}
