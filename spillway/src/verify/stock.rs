//! The stock ledger: what must hold after every event, by arithmetic of its own.

use std::collections::BTreeMap;

use events::Event;

/// Stock of one shard, from its events alone and not through the domain's fold.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<String, Account>,
    /// Pieces held, by order and SKU; an entry at 0 was held and is no more.
    holdings: BTreeMap<(String, String), i64>,
}

#[derive(Debug, Default)]
struct Account {
    received: i64,
    adjusted: i64,
    reserved: i64,
    released: i64,
    shipped: i64,
}

impl Account {
    fn on_hand(&self) -> i64 {
        self.received + self.adjusted - self.shipped
    }

    fn held(&self) -> i64 {
        self.reserved - self.released - self.shipped
    }
}

impl Ledger {
    /// Books an event; the sentence says what does not hold after it.
    pub(super) fn book(&mut self, event: &Event) -> Result<(), String> {
        let sku = match event {
            Event::StockReceived(e) => {
                self.account(&e.sku).received += e.quantity;
                &e.sku
            }
            Event::StockAdjusted(e) => {
                self.account(&e.sku).adjusted += e.quantity;
                &e.sku
            }
            Event::StockReserved(e) => {
                self.account(&e.sku).reserved += e.quantity;
                self.hold(&e.order_id, &e.sku, e.quantity)?;
                &e.sku
            }
            Event::StockReleased(e) => {
                self.account(&e.sku).released += e.quantity;
                self.let_go(&e.order_id, &e.sku, e.quantity)?;
                &e.sku
            }
            Event::StockShipped(e) => {
                self.account(&e.sku).shipped += e.quantity;
                self.let_go(&e.order_id, &e.sku, e.quantity)?;
                &e.sku
            }
            _ => return Ok(()),
        };
        let account = &self.accounts[sku];
        let (on_hand, held) = (account.on_hand(), account.held());
        if held < 0 || on_hand < 0 {
            return Err(format!("{sku}: {on_hand} on hand and {held} held: below zero"));
        }
        if held > on_hand {
            return Err(format!("{sku}: {held} held but only {on_hand} on hand: oversold"));
        }
        Ok(())
    }

    /// On hand and held of a SKU.
    pub(super) fn stock_of(&self, sku: &str) -> (i64, i64) {
        self.accounts.get(sku).map_or((0, 0), |account| (account.on_hand(), account.held()))
    }

    fn account(&mut self, sku: &str) -> &mut Account {
        self.accounts.entry(sku.to_owned()).or_default()
    }

    fn hold(&mut self, order_id: &str, sku: &str, quantity: i64) -> Result<(), String> {
        let place = (order_id.to_owned(), sku.to_owned());
        match self.holdings.insert(place, quantity) {
            None => Ok(()),
            Some(_) => Err(format!("{sku}: reserved twice for order {order_id}")),
        }
    }

    fn let_go(&mut self, order_id: &str, sku: &str, quantity: i64) -> Result<(), String> {
        let place = (order_id.to_owned(), sku.to_owned());
        match self.holdings.get_mut(&place) {
            Some(held) if *held == quantity => {
                *held = 0;
                Ok(())
            }
            held => {
                let held = held.copied().unwrap_or(0);
                Err(format!("{sku}: order {order_id} gives up {quantity} but holds {held}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use events::product::{StockReceived, StockReleased, StockReserved};

    use super::*;

    fn received(quantity: i64) -> Event {
        StockReceived { sku: "a".to_owned(), reference: "r".to_owned(), quantity }.into()
    }

    fn reserved(order_id: &str, quantity: i64) -> Event {
        let (sku, order_id) = ("a".to_owned(), order_id.to_owned());
        StockReserved { sku, order_id, quantity, unit_price: 1, lines: vec![1] }.into()
    }

    fn released(order_id: &str, quantity: i64) -> Event {
        let (sku, order_id) = ("a".to_owned(), order_id.to_owned());
        StockReleased { sku, order_id, quantity }.into()
    }

    #[test]
    fn overselling_and_holding_twice_are_seen_at_the_event_that_does_it() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.book(&received(5)), Ok(()));
        assert_eq!(ledger.book(&reserved("o-1", 3)), Ok(()));
        assert!(ledger.book(&reserved("o-2", 3)).is_err_and(|e| e.contains("oversold")));
        assert!(ledger.book(&reserved("o-1", 1)).is_err_and(|e| e.contains("twice")));
    }

    #[test]
    fn an_order_gives_up_exactly_what_it_holds_and_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.book(&received(5)), Ok(()));
        assert_eq!(ledger.book(&reserved("o-1", 3)), Ok(()));
        assert!(ledger.book(&released("o-2", 3)).is_err());
        let mut ledger = Ledger::default();
        assert_eq!(ledger.book(&received(5)), Ok(()));
        assert_eq!(ledger.book(&reserved("o-1", 3)), Ok(()));
        assert_eq!(ledger.book(&released("o-1", 3)), Ok(()));
        assert!(ledger.book(&released("o-1", 3)).is_err());
    }
}
