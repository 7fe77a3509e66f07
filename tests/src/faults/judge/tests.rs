//! The judgement on a small story: sound it passes, and each tampering is found.

use std::{collections::BTreeSet, time::Duration};

use events::{
    Event, Money,
    line::{LineQuantity, OrderLine, PricedLine, RefusedLine},
    order::{OrderPaid, OrderPlaced, OrderRejected, OrderReserved, OrderShipped},
    outcome::{OrderSummary, Outcome, Refusal},
    product::{
        ProductRegistered, ReservationRefused, StockAdjusted, StockReceived, StockReserved,
        StockShipped,
    },
};
use serde_json::json;
use uuid::Uuid;

use super::{Violations, judge};
use crate::faults::{
    evidence::{Evidence, Fact},
    history::{Ask, Attempt, Heard, History, Seen, Told, Way},
    wish::Wish,
};

const SKU: &str = "A";

/// Three pieces; the first order takes, pays and gets two, the second wants two and is rejected.
#[derive(Default)]
struct Story {
    history: History,
    evidence: Evidence,
}

impl Story {
    fn sound() -> Self {
        let mut story = Self::default();
        let sku = || SKU.to_owned();
        let register = story.ask(Wish::Register { sku: sku(), price: 5 }, None, 1, None);
        story.fact(
            register,
            1,
            ProductRegistered { sku: sku(), name: sku(), price: Money::new(5, "EUR") },
        );
        let wish = Wish::Receive { sku: sku(), reference: "n".to_owned(), pieces: 3 };
        let receive = story.ask(wish, None, 2, None);
        let reference = "n".to_owned();
        story.fact(receive, 2, StockReceived { sku: sku(), reference, quantity: 3 });

        let first = story.ask(place("o-1"), Some("reserved"), 2, None);
        let pay = Wish::Pay { order: "o-1".to_owned(), amount: 10 };
        let pay = story.ask(pay, Some("paid"), 3, None);
        let ship = story.ask(Wish::Ship { order: "o-1".to_owned() }, Some("shipped"), 4, None);
        let refused = RefusedLine {
            line: 1,
            sku: sku(),
            reason: "out-of-stock".to_owned(),
            available: Some(1),
        };
        let second = story.ask(place("o-2"), Some("rejected"), 2, Some(refused.clone()));

        let (sku, order_id, lines) = (sku(), "o-1".to_owned(), vec![1]);
        story.fact(first, 3, StockReserved { sku, order_id, quantity: 2, unit_price: 5, lines });
        let (order_id, lines) = ("o-2".to_owned(), vec![refused.clone()]);
        story.fact(second, 0, ReservationRefused { order_id, lines });
        let (sku, order_id) = (SKU.to_owned(), "o-1".to_owned());
        story.fact(ship, 4, StockShipped { sku, order_id, quantity: 2 });

        story.fact(first, 1, placed("o-1"));
        story.fact(first, 2, reserved("o-1"));
        let (order_id, reference) = ("o-1".to_owned(), "r".to_owned());
        story.fact(pay, 3, OrderPaid { order_id, reference, amount: Money::new(10, "EUR") });
        let lines = vec![LineQuantity { line: 1, sku: SKU.to_owned(), quantity: 2 }];
        let (order_id, reference) = ("o-1".to_owned(), "r".to_owned());
        story.fact(ship, 4, OrderShipped { order_id, reference, lines });
        story.fact(second, 1, placed("o-2"));
        let (order_id, refused, released) = ("o-2".to_owned(), vec![refused], Vec::new());
        story.fact(second, 2, OrderRejected { order_id, refused, released });
        story
    }

    /// A command that was answered as it was decided.
    fn ask(
        &mut self,
        wish: Wish,
        status: Option<&str>,
        version: i64,
        refused: Option<RefusedLine>,
    ) -> Uuid {
        let key = self.history.asks.len().to_string();
        let mut ask = Ask::new(wish, key, None);
        let id = ask.command_id;
        let total = status.filter(|status| *status != "rejected").map(|_| 10);
        let refusal = refused.map(|line| Refusal {
            code: line.reason.clone(),
            detail: String::new(),
            lines: vec![line],
        });
        let told = Told {
            status: if refusal.is_some() { 409 } else { 200 },
            code: refusal.as_ref().map_or(String::new(), |refusal| refusal.code.clone()),
            version: Some(version),
            order_status: status.map(str::to_owned),
            total,
            position: None,
        };
        let span = (Duration::ZERO, Duration::ZERO);
        ask.attempts.push(Attempt { instance: 0, way: Way::Route, span, heard: Heard::Told(told) });
        let outcome = Outcome {
            command_id: id.to_string(),
            command: String::new(),
            kind: ask.wish.kind().to_string(),
            key: ask.wish.aggregate().to_owned(),
            caller: String::new(),
            decided_at: 0,
            version,
            refusal,
            order: status.map(|status| OrderSummary {
                status: status.to_owned(),
                total: total.map(|total| Money::new(total, "EUR")),
                payment_deadline: None,
                refund_due: None,
            }),
            position: Vec::new(),
        };
        self.evidence.outcomes.insert(id, outcome);
        self.history.asks.push(ask);
        id
    }

    fn fact(&mut self, command: Uuid, version: i64, event: impl Into<Event>) {
        let version = (version > 0).then_some(version);
        self.evidence.facts.push(Fact { command: Some(command), version, event: event.into() });
    }

    fn event(&mut self, name: &str) -> &mut Event {
        let mut facts = self.evidence.facts.iter_mut();
        &mut facts.find(|fact| fact.event.name() == name).unwrap().event
    }

    fn outcome(&mut self, index: usize) -> &mut Outcome {
        self.evidence.outcomes.get_mut(&self.history.asks[index].command_id).unwrap()
    }

    fn told(&mut self, index: usize) -> &mut Told {
        match &mut self.history.asks[index].attempts[0].heard {
            Heard::Told(told) => told,
            Heard::Nothing(why) => panic!("{why}"),
        }
    }

    fn violations(&self) -> BTreeSet<&'static str> {
        let mut violations = Violations::default();
        judge(&self.history, &self.evidence, &mut violations);
        violations.kinds.into_keys().collect()
    }
}

fn place(order: &str) -> Wish {
    Wish::Place { order: order.to_owned(), lines: vec![(SKU.to_owned(), 2)] }
}

fn placed(order: &str) -> OrderPlaced {
    let line = OrderLine { line: 1, sku: SKU.to_owned(), quantity: 2, unit_price_max: None };
    OrderPlaced {
        order_id: order.to_owned(),
        customer_id: None,
        currency: "EUR".to_owned(),
        lines: vec![line],
    }
}

fn reserved(order: &str) -> OrderReserved {
    let line = PricedLine { line: 1, sku: SKU.to_owned(), quantity: 2, unit_price: 5 };
    OrderReserved {
        order_id: order.to_owned(),
        lines: vec![line],
        total: Money::new(10, "EUR"),
        payment_deadline: 0,
    }
}

/// The sound story with one tampering, and the kinds of violations that are found.
#[track_caller]
fn finds(tamper: impl FnOnce(&mut Story), kinds: &[&'static str]) {
    let mut story = Story::sound();
    tamper(&mut story);
    assert_eq!(story.violations(), kinds.iter().copied().collect());
}

#[test]
fn a_sound_story_passes() {
    finds(|_| {}, &[]);
}

#[test]
fn an_answer_that_differs_from_the_outcome_is_found() {
    finds(|story| story.told(3).total = Some(11), &["contradicted"]);
    finds(|story| story.told(5).code = "expired".to_owned(), &["contradicted"]);
    finds(|story| story.told(0).status = 202, &["never-answered"]);
}

#[test]
fn an_answer_without_an_outcome_and_an_outcome_without_a_request_are_found() {
    let lost = |story: &mut Story| {
        let id = story.history.asks[3].command_id;
        story.evidence.outcomes.remove(&id);
    };
    finds(lost, &["answered-and-not-decided"]);
    let strange = |story: &mut Story| {
        let outcome = story.outcome(0).clone();
        story.evidence.outcomes.insert(Uuid::nil(), outcome);
    };
    finds(strange, &["never-asked"]);
}

#[test]
fn an_effect_that_comes_twice_or_not_at_all_is_found() {
    let twice = |story: &mut Story| {
        let pay = story.history.asks[3].command_id;
        let again = story.event("OrderPaid").clone();
        story.fact(pay, 5, again);
    };
    // A shipped order that is paid once more seems to wait for its parcel.
    finds(twice, &["stock-astray", "wrong-effects"]);
    let lost = |story: &mut Story| story.evidence.facts.retain(|f| f.event.name() != "OrderPaid");
    finds(lost, &["version-gap", "wrong-effects", "wrong-status"]);
}

#[test]
fn a_refusal_without_a_reason_is_found() {
    let refuse = |story: &mut Story| {
        let refusal =
            Refusal { code: "wrong-amount".to_owned(), detail: String::new(), lines: Vec::new() };
        story.outcome(3).refusal = Some(refusal);
    };
    finds(refuse, &["contradicted", "unjustified", "wrong-effects"]);
    let in_stock = |story: &mut Story| match story.event("ReservationRefused") {
        Event::ReservationRefused(event) => event.lines[0].available = Some(2),
        other => panic!("{other:?}"),
    };
    finds(in_stock, &["stock-refused-wrongly"]);
}

#[test]
fn stock_that_is_sold_twice_or_stays_behind_is_found() {
    let oversold = |story: &mut Story| match story.event("StockReserved") {
        Event::StockReserved(event) => event.quantity = 4,
        other => panic!("{other:?}"),
    };
    // What was reserved stays oversold at each later event, and two pieces stay behind.
    let kinds = ["oversold", "reserved-not-once", "stock-astray", "stock-refused-wrongly"];
    finds(oversold, &kinds);
    let kept =
        |story: &mut Story| story.evidence.facts.retain(|f| f.event.name() != "StockShipped");
    finds(kept, &["stock-astray"]);
}

#[test]
fn a_condition_that_was_passed_over_is_found() {
    // The payment led from version 2 to 3.
    finds(|story| story.history.asks[3].if_match = Some(2), &[]);
    finds(|story| story.history.asks[3].if_match = Some(1), &["wrong-effects"]);
    let refuse = |story: &mut Story, if_match| {
        story.history.asks[5].if_match = if_match;
        let code = || "stale-version".to_owned();
        story.told(5).code = code();
        story.outcome(5).refusal.as_mut().unwrap().code = code();
    };
    // Its placement went from nothing to version 2, so 0 was met and nothing else can be.
    finds(|story| refuse(story, None), &["wrong-effects"]);
    finds(|story| refuse(story, Some(0)), &["wrong-effects"]);
}

#[test]
fn a_loss_that_is_booked_otherwise_or_refused_wrongly_is_found() {
    let counted = |story: &mut Story, pieces, refused: bool| {
        let version = if refused { 4 } else { 5 };
        let id = story.ask(Wish::Adjust { sku: SKU.to_owned(), pieces }, None, version, None);
        let refusal = || Refusal {
            code: "below-reserved".to_owned(),
            detail: String::new(),
            lines: Vec::new(),
        };
        if refused {
            let told = story.told(6);
            (told.status, told.code) = (409, "below-reserved".to_owned());
            story.outcome(6).refusal = Some(refusal());
        } else {
            let (sku, reason) = (SKU.to_owned(), "counted".to_owned());
            story.fact(id, 5, StockAdjusted { sku, quantity: -1, reason });
        }
    };
    finds(|story| counted(story, -1, false), &[]);
    finds(|story| counted(story, 1, false), &["wrong-effects"]);
    // One piece is left, and none is held.
    finds(|story| counted(story, -2, true), &[]);
    finds(|story| counted(story, -1, true), &["unjustified"]);
}

#[test]
fn an_outcome_that_was_shown_otherwise_is_found() {
    let shown = |story: &mut Story, version: i64| {
        let id = story.history.asks[3].command_id;
        let shown = json!({"command": "", "version": version, "order": {"status": "paid"}});
        story.history.looked_up.push((id, shown));
    };
    finds(|story| shown(story, 3), &[]);
    finds(|story| shown(story, 2), &["shown-wrong"]);
}

#[test]
fn a_read_that_lacks_the_own_write_is_found() {
    let stale = |story: &mut Story| {
        let order = "o-1".to_owned();
        story.history.seen.push(Seen { order, version_told: 3, version_shown: 2 });
    };
    finds(stale, &["own-write-not-read"]);
}
