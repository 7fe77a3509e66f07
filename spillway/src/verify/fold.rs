//! Folds the accepted events of one partition, checking stock and versions at every prefix.

use std::collections::BTreeMap;

use domain::{Order, Product, order, product};
use events::{Event, Kind};

use super::{report::Report, stock::Ledger};

/// What the events of one partition add up to.
#[derive(Debug, Default)]
pub(super) struct Fold {
    latest: Aggregates,
    /// What the projection has seen, once the fold has gone further.
    projected: Option<Aggregates>,
    ledger: Ledger,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Aggregates {
    pub(super) orders: BTreeMap<String, FoldedOrder>,
    pub(super) products: BTreeMap<String, Product>,
}

/// An order with what only its first event says, and the names of all its events.
#[derive(Debug, Clone)]
pub(super) struct FoldedOrder {
    pub(super) order: Order,
    pub(super) customer_id: Option<String>,
    pub(super) currency: String,
    /// Prices at which lines hold or held stock, by line.
    pub(super) unit_prices: BTreeMap<i32, i64>,
    /// Highest acceptable prices, by line.
    pub(super) unit_prices_max: BTreeMap<i32, i64>,
    pub(super) history: Vec<&'static str>,
}

impl Fold {
    /// The projection has seen what was folded so far, and nothing of what follows.
    pub(super) fn projection_ends_here(&mut self) {
        if self.projected.is_none() {
            self.projected = Some(self.latest.clone());
        }
    }

    /// What the rows must show.
    pub(super) fn projected(&self) -> &Aggregates {
        self.projected.as_ref().unwrap_or(&self.latest)
    }

    /// Folds the next event; `version` is the record's header.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        event: &Event,
        version: Option<i64>,
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
            Kind::Orders => self.take_order(event),
            Kind::Products => self.take_product(event),
        };
        match folded {
            Ok(folded) if Some(folded) != version => {
                let detail = format!("{}: version {version:?} follows {}", event.key(), folded - 1);
                report.violation("version", place, detail);
            }
            Ok(_) => {}
            Err(sentence) => report.violation("fold", place, sentence),
        }
    }

    fn take_order(&mut self, event: &Event) -> Result<i64, String> {
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
                history: Vec::new(),
            },
            (None, _) => return Err(format!("{key}: {} without OrderPlaced", event.name())),
        };
        folded.history.push(event.name());
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

    fn take_product(&mut self, event: &Event) -> Result<i64, String> {
        let key = event.key();
        let product = product::evolve(self.latest.products.remove(key), event)
            .map_err(|unfit| unfit.to_string())?;
        let (on_hand, held) = self.ledger.stock_of(key);
        if (product.on_hand(), product.reserved()) != (on_hand, held) {
            return Err(format!("{key}: the fold and the ledger disagree about stock"));
        }
        let version = product.version;
        self.latest.products.insert(key.to_owned(), product);
        Ok(version)
    }
}
