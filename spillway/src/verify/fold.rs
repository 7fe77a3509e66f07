//! Folds the accepted events of one partition, checking stock and versions at every prefix.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{Order, Product, order, product};
use events::{Event, Kind};

use super::{
    history::{HistoryRow, Told},
    report::Report,
    stock::Ledger,
    trade::Trade,
};

/// What the events of one partition add up to.
#[derive(Debug, Default)]
pub(super) struct Fold {
    latest: Aggregates,
    /// What each projection has seen, once the fold has gone further.
    projected: BTreeMap<&'static str, Arc<Aggregates>>,
    ledger: Ledger,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Aggregates {
    pub(super) orders: BTreeMap<String, FoldedOrder>,
    pub(super) products: BTreeMap<String, FoldedProduct>,
}

/// A product, and when its first and its last event happened.
#[derive(Debug, Clone)]
pub(super) struct FoldedProduct {
    pub(super) product: Product,
    pub(super) registered_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
}

/// An order with what only its first event says, and what became of each of its events.
#[derive(Debug, Clone)]
pub(super) struct FoldedOrder {
    pub(super) order: Order,
    pub(super) customer_id: Option<String>,
    pub(super) currency: String,
    /// Prices at which lines hold or held stock, by line.
    pub(super) unit_prices: BTreeMap<i32, i64>,
    /// Highest acceptable prices, by line.
    pub(super) unit_prices_max: BTreeMap<i32, i64>,
    pub(super) placed_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// Digests of its history's rows, from version 1 on.
    pub(super) history: Vec<u64>,
    pub(super) trade: Trade,
}

impl Fold {
    /// These projections have seen what was folded so far, and nothing of what follows.
    pub(super) fn end_here(&mut self, projections: impl Iterator<Item = &'static str>) {
        let is_news = |name: &&str| !self.projected.contains_key(name);
        let ending: Vec<&'static str> = projections.filter(is_news).collect();
        if ending.is_empty() {
            return;
        }
        let here = Arc::new(self.latest.clone());
        self.projected.extend(ending.into_iter().map(|name| (name, Arc::clone(&here))));
    }

    /// What the rows of a projection must show.
    pub(super) fn projected(&self, projection: &str) -> &Aggregates {
        self.projected.get(projection).map_or(&self.latest, |aggregates| aggregates)
    }

    /// Folds the next event.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        event: &Event,
        told: &Told<'_>,
        place: &str,
        report: &mut Report,
    ) {
        match self.ledger.book(event) {
            Ok(()) => report.counts.prefixes += 1,
            Err(sentence) => report.violation("stock", place, sentence),
        }
        if !event.is_versioned() {
            return;
        }
        let folded = match kind {
            Kind::Orders => self.take_order(event, told),
            Kind::Products => self.take_product(event, told),
        };
        match folded {
            Ok(folded) if Some(folded) != told.version => {
                let (key, version) = (event.key(), told.version);
                let detail = format!("{key}: version {version:?} follows {}", folded - 1);
                report.violation("version", place, detail);
            }
            Ok(_) => {}
            Err(sentence) => report.violation("fold", place, sentence),
        }
    }

    fn take_order(&mut self, event: &Event, told: &Told<'_>) -> Result<i64, String> {
        let key = event.key();
        let evolve = |before| order::evolve(before, event).map_err(|unfit| unfit.to_string());
        let mut folded = match (self.latest.orders.remove(key), event) {
            (Some(before), _) => FoldedOrder { order: evolve(Some(before.order))?, ..before },
            (None, Event::OrderPlaced(placed)) => FoldedOrder {
                order: evolve(None)?,
                customer_id: placed.customer_id.clone(),
                currency: placed.currency.clone(),
                unit_prices: BTreeMap::new(),
                unit_prices_max: placed
                    .lines
                    .iter()
                    .filter_map(|line| Some((line.line, line.unit_price_max?)))
                    .collect(),
                placed_at: told.at,
                updated_at: told.at,
                history: Vec::new(),
                trade: Trade::default(),
            },
            (None, _) => return Err(format!("{key}: {} without OrderPlaced", event.name())),
        };
        folded.updated_at = told.at;
        folded.trade.take(event, folded.order.version, told.at);
        folded.history.push(HistoryRow::of(event, folded.order.version, told).digest());
        let prices: Vec<(i32, i64)> = match event {
            Event::ReservationRecorded(e) => {
                e.reserved.iter().map(|line| (line.line, line.unit_price)).collect()
            }
            Event::OrderReserved(e) => {
                e.lines.iter().map(|line| (line.line, line.unit_price)).collect()
            }
            Event::OrderPartlyReserved(e) => {
                e.lines.iter().map(|line| (line.line, line.unit_price)).collect()
            }
            _ => Vec::new(),
        };
        folded.unit_prices.extend(prices);
        let version = folded.order.version;
        self.latest.orders.insert(key.to_owned(), folded);
        Ok(version)
    }

    fn take_product(&mut self, event: &Event, told: &Told<'_>) -> Result<i64, String> {
        let key = event.key();
        let before = self.latest.products.remove(key);
        let registered_at = before.as_ref().map_or(told.at, |before| before.registered_at);
        let product = product::evolve(before.map(|before| before.product), event)
            .map_err(|unfit| unfit.to_string())?;
        let (on_hand, held) = self.ledger.stock_of(key);
        if (product.on_hand(), product.reserved()) != (on_hand, held) {
            return Err(format!("{key}: the fold and the ledger disagree about stock"));
        }
        let version = product.version;
        let folded = FoldedProduct { product, registered_at, updated_at: told.at };
        self.latest.products.insert(key.to_owned(), folded);
        Ok(version)
    }
}
