//! Given, when, then: a history, a command, and what must come of it.
//!
//! Every client command is decided a second time on the state after the first: the same command
//! again must give nothing or a refusal. Only an adjustment is left out, because nothing in it tells
//! a repeat from a second loss. Follow-ups are left out too: link sequences keep repeats away.

use domain::{Aggregates, Decision, Order, Product, Rules, decide, refusal::Code, rules::Version};
use events::{
    Command, Event, Millis, Money,
    command::{Author, Parameters},
    line::OrderLine,
    order::{OrderPlaced, OrderReserved},
    product::{ProductRegistered, StockReceived},
    profile::Profile,
};

/// Log time of every command, unless a test says otherwise.
pub(crate) const NOW: Millis = 1_700_000_000_000;
/// When an order that is reserved at `NOW` expires.
pub(crate) const DEADLINE: Millis = NOW + 15 * 60_000;

pub(crate) fn parameters() -> Parameters {
    Profile::LOCAL.parameters()
}

/// Folds an event into its aggregate, whose version must rise by one.
pub(crate) fn fold(aggregates: &mut Aggregates, event: &Event) {
    if !event.is_versioned() {
        return;
    }
    let version = aggregates.version_of(event.kind(), event.key());
    let after = aggregates.evolve(event.kind(), event).expect("decide writes fitting events");
    assert_eq!(after, version + 1, "versions have no gaps");
}

/// A history to decide upon, under rules version 1 unless a test says otherwise.
pub(crate) struct Given {
    aggregates: Aggregates,
    now: Millis,
    version: Version,
}

pub(crate) fn given(history: impl IntoIterator<Item = Event>) -> Given {
    let mut aggregates = Aggregates::default();
    for event in history {
        fold(&mut aggregates, &event);
    }
    Given { aggregates, now: NOW, version: Version::WholeOrders }
}

impl Given {
    pub(crate) fn at(self, now: Millis) -> Self {
        Self { now, ..self }
    }

    pub(crate) fn under(self, version: Version) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn with_event(mut self, event: &Event) -> Self {
        fold(&mut self.aggregates, event);
        self
    }

    /// Stock that a million deliveries would have brought: the snapshot form is the short way.
    pub(crate) fn with_on_hand(mut self, sku: &str, on_hand: i64) -> Self {
        let product = self.aggregates.products.get_mut(sku).expect("the product is given");
        let mut snapshot = serde_json::to_value(&*product).expect("a product has a snapshot form");
        snapshot["on_hand"] = on_hand.into();
        *product = serde_json::from_value(snapshot).expect("the snapshot form reads back");
        self
    }

    pub(crate) fn order(&self, id: &str) -> &Order {
        &self.aggregates.orders[id]
    }

    pub(crate) fn product(&self, sku: &str) -> &Product {
        &self.aggregates.products[sku]
    }

    pub(crate) fn when(mut self, command: impl Into<Command>) -> Then {
        let command = command.into();
        let parameters = parameters();
        let rules = Rules { version: self.version, parameters: &parameters };
        let decision = decide(&self.aggregates, &command, self.now, &rules);
        for event in &decision.events {
            fold(&mut self.aggregates, event);
        }
        let has_repeat =
            command.author() == Author::Client && !matches!(command, Command::AdjustStock(_));
        if has_repeat {
            let again = decide(&self.aggregates, &command, self.now, &rules);
            assert_eq!(again.events, [], "the same command again writes no event");
        }
        Then { decision, given: self }
    }
}

/// What came of the command.
pub(crate) struct Then {
    decision: Decision,
    given: Given,
}

impl Then {
    /// The state after the command, and the decision, for a test that looks closer.
    pub(crate) fn into_parts(self) -> (Given, Decision) {
        (self.given, self.decision)
    }

    /// Exactly these events and no refusal; returns the state after them.
    #[track_caller]
    pub(crate) fn then(self, events: impl IntoIterator<Item = Event>) -> Given {
        let events: Vec<Event> = events.into_iter().collect();
        assert_eq!(self.decision.refusal, None);
        assert_eq!(self.decision.events, events);
        self.given
    }

    /// Neither events nor a refusal.
    #[track_caller]
    pub(crate) fn then_nothing(self) -> Given {
        self.then([])
    }

    /// A refusal and no events.
    #[track_caller]
    pub(crate) fn then_refused(self, code: Code) -> Given {
        self.then_refused_with(code, [])
    }

    /// A refusal together with events.
    #[track_caller]
    pub(crate) fn then_refused_with(
        self,
        code: Code,
        events: impl IntoIterator<Item = Event>,
    ) -> Given {
        let events: Vec<Event> = events.into_iter().collect();
        let refusal = self.decision.refusal.expect("the command is refused");
        assert_eq!(refusal.code, code.as_str());
        assert_eq!(self.decision.events, events);
        self.given
    }
}

/// A history as an array of different records.
macro_rules! history {
    ($($event:expr),* $(,)?) => { [$(events::Event::from($event)),*] };
}
pub(crate) use history;

pub(crate) fn eur(amount: i64) -> Money {
    Money::new(amount, "EUR")
}

/// A product in EUR.
pub(crate) fn registered(sku: &str, price: i64) -> ProductRegistered {
    ProductRegistered { sku: sku.to_owned(), name: format!("Product {sku}"), price: eur(price) }
}

pub(crate) fn received(sku: &str, reference: &str, quantity: i64) -> StockReceived {
    StockReceived { sku: sku.to_owned(), reference: reference.to_owned(), quantity }
}

pub(crate) fn line(line: i32, sku: &str, quantity: i64) -> OrderLine {
    OrderLine { line, sku: sku.to_owned(), quantity, unit_price_max: None }
}

/// Order `o` in EUR.
pub(crate) fn placed(lines: impl IntoIterator<Item = OrderLine>) -> OrderPlaced {
    OrderPlaced {
        order_id: "o".to_owned(),
        customer_id: None,
        currency: "EUR".to_owned(),
        lines: lines.into_iter().collect(),
    }
}

/// Order `o` with all its lines held at the given price of a piece.
pub(crate) fn reserved(placed: &OrderPlaced, unit_price: i64) -> OrderReserved {
    let lines = placed.lines.iter().map(|line| events::line::PricedLine {
        line: line.line,
        sku: line.sku.clone(),
        quantity: line.quantity,
        unit_price,
    });
    let pieces: i64 = placed.lines.iter().map(|line| line.quantity).sum();
    OrderReserved {
        order_id: placed.order_id.clone(),
        lines: lines.collect(),
        total: eur(pieces * unit_price),
        payment_deadline: DEADLINE,
    }
}

/// What lines of an order hold.
pub(crate) fn held(lines: &[OrderLine]) -> Vec<events::line::LineQuantity> {
    lines
        .iter()
        .map(|line| events::line::LineQuantity {
            line: line.line,
            sku: line.sku.clone(),
            quantity: line.quantity,
        })
        .collect()
}
