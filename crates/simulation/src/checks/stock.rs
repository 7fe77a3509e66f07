//! Orders and stock, folded from the events that consumers saw: dense versions, nothing oversold at
//! any prefix, log time that is the brokers', and books that agree at the end.

use std::collections::BTreeMap;

use domain::{
    Aggregates,
    order::{LineState, Order, Status},
};
use events::{Event, Millis, Origin, Topic, header, log_time};

use crate::{Violation, broker::Stored, reference::Reference, world::World};

/// Everything that the events say.
#[derive(Default)]
struct Books {
    aggregates: Aggregates,
    /// Pieces that product shards hold, by order and SKU.
    held: BTreeMap<(String, String), i64>,
}

pub(super) fn check(world: &World, reference: &Reference) -> Result<(), Violation> {
    let mut books = Books::default();
    let readers = world.readers.iter().filter(|((topic, _), _)| matches!(topic, Topic::Events(_)));
    for stored in readers.flat_map(|(_, reader)| reader.applied.values().flatten()) {
        let name = stored.text(header::CE_TYPE).unwrap_or_default();
        let event = Event::from_datum(name, &stored.value)
            .map_err(|error| Violation(format!("an event cannot be read: {error}")))?;
        let now = time_of(stored, reference)?;
        books.enter(&event, stored, now).map_err(|what| {
            let origin = stored.text(header::ORIGIN).unwrap_or_default();
            Violation(format!("{} at {origin}: {what}", event.name()))
        })?;
    }
    books.close()
}

/// Log time of an event: the latest broker time up to its command.
fn time_of(stored: &Stored, reference: &Reference) -> Result<Millis, Violation> {
    let origin = stored.text(header::ORIGIN).and_then(|origin| origin.parse::<Origin>().ok());
    let time = origin.and_then(|origin| {
        let offset = usize::try_from(origin.offset).ok()?;
        reference.times.get(&origin.shard)?.get(offset).copied()
    });
    let time = time.ok_or_else(|| Violation("an event without an origin".to_owned()))?;
    if stored.text(header::CE_TIME) != Some(&log_time::rfc3339(time)) {
        return Err(Violation(format!("log time of {origin:?} is not the brokers'")));
    }
    Ok(time)
}

impl Books {
    fn enter(&mut self, event: &Event, stored: &Stored, now: Millis) -> Result<(), String> {
        self.hold(event);
        if !event.is_versioned() {
            return Ok(());
        }
        self.check_time(event, now)?;
        let evolved = self.aggregates.evolve(event.kind(), event);
        let version = evolved.map_err(|unfit| unfit.to_string())?;
        self.check_product(event)?;
        if stored.text(header::VERSION) != Some(version.to_string().as_str()) {
            return Err(format!("its version should be {version}"));
        }
        Ok(())
    }

    /// An order expires when its payment is due, and is paid before.
    fn check_time(&self, event: &Event, now: Millis) -> Result<(), String> {
        let deadline = self.aggregates.orders.get(event.key()).and_then(Order::payment_deadline);
        let is_due = deadline.is_some_and(|deadline| deadline <= now);
        match event {
            Event::OrderExpired(_) if !is_due => Err("too early".to_owned()),
            Event::OrderPaid(_) if is_due => Err("too late".to_owned()),
            _ => Ok(()),
        }
    }

    /// Nothing is oversold, and what is told of low stock is so.
    fn check_product(&self, event: &Event) -> Result<(), String> {
        let key = event.key();
        let Some(product) = self.aggregates.products.get(key) else { return Ok(()) };
        if product.reserved() < 0 || product.reserved() > product.on_hand() {
            let (reserved, on_hand) = (product.reserved(), product.on_hand());
            return Err(format!("{reserved} of {on_hand} {key} are reserved"));
        }
        if let Event::StockRanLow(low) = event
            && (product.available(), product.low_stock_threshold())
                != (low.available, Some(low.threshold))
        {
            return Err(format!("{} {key} are available", product.available()));
        }
        Ok(())
    }

    fn hold(&mut self, event: &Event) {
        let (order, sku, change) = match event {
            Event::StockReserved(e) => (&e.order_id, &e.sku, e.quantity),
            Event::StockReleased(e) => (&e.order_id, &e.sku, -e.quantity),
            Event::StockShipped(e) => (&e.order_id, &e.sku, -e.quantity),
            _ => return,
        };
        *self.held.entry((order.clone(), sku.clone())).or_default() += change;
    }

    /// At rest orders and products agree on what is held, and nobody waits for nothing.
    fn close(&self) -> Result<(), Violation> {
        let mut wanted: BTreeMap<(String, String), i64> = BTreeMap::new();
        for order in self.aggregates.orders.values() {
            if matches!(order.status(), Status::Placed | Status::Reserved) {
                let (id, status) = (order.id(), order.status());
                return Err(Violation(format!("{id} is {status} for ever")));
            }
            for line in order.lines() {
                let is_held = matches!(line.state, LineState::Held { .. });
                *wanted.entry((order.id().to_owned(), line.sku.clone())).or_default() +=
                    if is_held { line.quantity } else { 0 };
            }
        }
        for (of, held) in &self.held {
            let wanted = wanted.get(of).copied().unwrap_or(0);
            if *held != wanted {
                let (order, sku) = of;
                return Err(Violation(format!("{held} {sku} are held for {order}, not {wanted}")));
            }
        }
        for (sku, product) in &self.aggregates.products {
            let held: i64 =
                self.held.iter().filter(|((_, of), _)| of == sku).map(|(_, held)| held).sum();
            if product.reserved() != held {
                let reserved = product.reserved();
                return Err(Violation(format!("{reserved} {sku} are reserved, {held} held")));
            }
        }
        Ok(())
    }
}
