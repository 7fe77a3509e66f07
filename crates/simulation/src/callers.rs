//! Callers: what they ask for, when they ask again, and what they were told.

use std::collections::BTreeMap;

use events::{
    Command, Kind, Millis, Money,
    command::{
        AdjustStock, CancelOrder, ChangePrice, DeactivateProduct, PayOrder, PlaceOrder,
        ReactivateProduct, ReceiveStock, RegisterProduct, SetLowStockThreshold, ShipOrder,
    },
    id::command_id,
    line::OrderLine,
    outcome::Outcome,
};

use crate::{
    edge::{Heard, Request, Told},
    faults::REPEAT_MS_MAX,
    random::Random,
};

pub(crate) const SKUS: [&str; 4] = ["apple", "basil", "chard", "date"];
const ORDERS_MAX: usize = 14;
const CALLS_MAX: usize = 75;

/// One command with all its repeats.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    /// When it may be sent again, at the latest.
    until: Millis,
    next_at: Option<Millis>,
    repeats_left: u32,
    pub(crate) told: Vec<Outcome>,
}

/// Everybody who calls.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    pub(crate) calls: Vec<Call>,
    orders: usize,
    /// The total that an order's caller was told.
    totals: BTreeMap<String, i64>,
}

impl Callers {
    /// The products and their first stock.
    pub(crate) fn begin(&mut self, random: &mut Random) {
        for sku in SKUS {
            let price = Money::new(random.between(1, 900), "GBP");
            let (sku, name) = (sku.to_owned(), sku.to_uppercase());
            self.call(RegisterProduct { sku: sku.clone(), name, price }.into(), None, 3);
            let (reference, quantity) = (format!("first-{sku}"), random.between(2, 12));
            self.call(ReceiveStock { sku, reference, quantity }.into(), None, 3);
        }
    }

    /// Somebody thinks of something.
    pub(crate) fn think(&mut self, random: &mut Random) {
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let sku = random.pick(&SKUS).unwrap_or("apple").to_owned();
        let version = random.chance(60).then(|| random.between(1, 6));
        let order = format!("order-{}", random.below(self.orders.max(1)));
        let repeats = if random.chance(250) { 8 } else { u32::from(random.chance(400)) };
        let command = match random.below(20) {
            0..=6 => {
                // Once in a while under an id that is used up.
                if self.orders == ORDERS_MAX || (self.orders > 0 && random.chance(100)) {
                    place(order, random)
                } else {
                    self.orders += 1;
                    place(format!("order-{}", self.orders - 1), random)
                }
            }
            7..=10 => {
                let total = self.totals.get(&order).copied().unwrap_or(1);
                let amount = Money::new(if random.chance(100) { 1 } else { total }, "GBP");
                PayOrder { order_id: order, reference: "payment".to_owned(), amount }.into()
            }
            11..=12 => ShipOrder { order_id: order, reference: "parcel".to_owned() }.into(),
            13..=14 => CancelOrder { order_id: order, reason: "changed my mind".to_owned() }.into(),
            15 => ChangePrice { sku, price: Money::new(random.between(1, 900), "GBP") }.into(),
            16 => {
                let reference = format!("delivery-{}", self.calls.len());
                ReceiveStock { sku, reference, quantity: random.between(1, 5) }.into()
            }
            17 => listing(sku, random),
            _ => {
                let quantity = if random.chance(500) { -1 } else { random.between(1, 2) };
                AdjustStock { sku, quantity, reason: "counted".to_owned() }.into()
            }
        };
        self.call(command, version, repeats);
    }

    fn call(&mut self, command: Command, version: Option<i64>, repeats: u32) {
        let call = self.calls.len();
        let kind = command.kind().unwrap_or(Kind::Orders);
        let key = format!("key-{call}");
        let command_id = command_id("anonymous", kind, command.key().unwrap_or_default(), &key);
        self.calls.push(Call {
            request: Request { call, command, command_id, version },
            until: Millis::MAX,
            next_at: Some(0),
            repeats_left: repeats,
            told: Vec::new(),
        });
    }

    /// A request that is due. Once in a while a caller sends it twice at the same time.
    pub(crate) fn due(&mut self, now: Millis, random: &mut Random) -> Option<Request> {
        let is_due = |call: &Call| call.next_at.is_some_and(|at| at <= now);
        let due: Vec<usize> =
            (0..self.calls.len()).filter(|index| is_due(&self.calls[*index])).collect();
        let call = &mut self.calls[random.pick(&due)?];
        call.next_at = None;
        if call.until == Millis::MAX {
            call.until = now + REPEAT_MS_MAX;
        }
        if now > call.until {
            return None;
        }
        if random.chance(80) {
            call.next_at = Some(now);
        }
        Some(call.request.clone())
    }

    /// A caller hears something. Whoever hears nothing of use, or likes to be sure, asks again.
    pub(crate) fn hear(&mut self, told: Told, now: Millis, random: &mut Random) {
        let call = &mut self.calls[told.call];
        match told.heard {
            Heard::Decided(outcome) => {
                // This copy is in the log, and was in time.
                call.until = call.until.max(told.asked + REPEAT_MS_MAX);
                if let Some(total) = outcome.order.as_ref().and_then(|order| order.total.as_ref()) {
                    self.totals.insert(outcome.key.clone(), total.amount);
                }
                call.told.push(*outcome);
                if call.repeats_left > 0 {
                    call.repeats_left -= 1;
                    call.next_at = Some(now + random.between(10, 4_000));
                }
            }
            Heard::Refused | Heard::Unknown => {
                call.next_at = Some(now + random.between(10, 600));
            }
        }
    }

    /// Nobody asks again.
    pub(crate) fn stop(&mut self) {
        for call in &mut self.calls {
            call.next_at = None;
        }
    }
}

/// A product goes off sale, comes back, or gets another threshold: no command under the first rules.
fn listing(sku: String, random: &mut Random) -> Command {
    let reason = "season".to_owned();
    match random.below(4) {
        0 => DeactivateProduct { sku, reason }.into(),
        1 | 2 => ReactivateProduct { sku, reason }.into(),
        _ => {
            let threshold = random.chance(800).then(|| random.between(0, 6));
            SetLowStockThreshold { sku, threshold }.into()
        }
    }
}

fn place(order_id: String, random: &mut Random) -> Command {
    let count = 1 + random.below(3);
    let lines = (1..)
        .take(count)
        .map(|line| OrderLine {
            line,
            sku: random.pick(&SKUS).unwrap_or("apple").to_owned(),
            quantity: random.between(1, 4),
            unit_price_max: random.chance(50).then_some(400),
        })
        .collect();
    PlaceOrder { order_id, customer_id: None, currency: "GBP".to_owned(), lines }.into()
}
