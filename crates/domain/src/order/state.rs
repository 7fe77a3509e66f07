//! The state of an order.

use std::fmt;

use events::{
    Millis, Money,
    line::{LineQuantity, PricedLine},
    outcome::OrderSummary,
};
use serde::{Deserialize, Serialize};

/// An order, as far as decisions need it; who the customer is stands in its first event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number of the order's last event, from 1.
    pub version: i64,
    pub(super) id: String,
    pub(super) currency: String,
    pub(super) status: Status,
    /// Line n stands at index n - 1.
    pub(super) lines: Vec<Line>,
    /// What the held lines cost; absent until the order is reserved.
    pub(super) bill: Option<Bill>,
    /// Minor units that must be paid back; absent unless the order was paid and then cancelled.
    pub(super) refund_due: Option<i64>,
}

/// Where an order is in its life. `Rejected`, `Shipped`, `Cancelled` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Product shards are being asked for stock.
    Placed,
    /// All lines are held, or some of them since rules version 2; payment is awaited.
    Reserved,
    /// At least one line was refused; all of them since rules version 2.
    Rejected,
    Paid,
    Shipped,
    Cancelled,
    /// The payment deadline passed.
    Expired,
}

impl Status {
    /// The word used in summaries and read models.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Placed => "placed",
            Status::Reserved => "reserved",
            Status::Rejected => "rejected",
            Status::Paid => "paid",
            Status::Shipped => "shipped",
            Status::Cancelled => "cancelled",
            Status::Expired => "expired",
        }
    }

    /// True when no command changes the status any more.
    pub fn is_final(self) -> bool {
        match self {
            Status::Placed | Status::Reserved | Status::Paid => false,
            Status::Rejected | Status::Shipped | Status::Cancelled | Status::Expired => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an order with held stock costs, and until when it waits for the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bill {
    /// Minor units of the order's currency.
    pub(super) total: i64,
    pub(super) payment_deadline: Millis,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Number of the line, from 1.
    pub line: i32,
    pub sku: String,
    /// Pieces, at least 1.
    pub quantity: i64,
    pub state: LineState,
}

/// What is known about a line's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineState {
    /// The product shard has not answered.
    Waiting,
    /// Stock is held at this price of a piece, in minor units.
    Held { unit_price: i64 },
    /// No stock is held.
    Refused {
        /// A refusal code.
        reason: String,
        /// Pieces that were available, where stock was the reason.
        available: Option<i64>,
    },
    /// No stock is held, only because a line beside it was refused: a product shard holds all lines
    /// of an order or none.
    Withheld,
    /// Held stock was given back.
    Released,
    /// Held stock left the house.
    Shipped,
}

impl Order {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// All lines, by number.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Log time at which the order expires; `None` unless payment is awaited.
    pub fn payment_deadline(&self) -> Option<Millis> {
        match self.status {
            Status::Reserved => self.bill.map(|bill| bill.payment_deadline),
            _ => None,
        }
    }

    /// True when the order is final and no line waits for an answer: nothing can happen to it any
    /// more, so it may leave the state.
    pub fn is_settled(&self) -> bool {
        let waits = |line: &Line| line.state == LineState::Waiting;
        self.status.is_final() && !self.lines.iter().any(waits)
    }

    /// The order as outcomes carry it.
    pub fn summary(&self) -> OrderSummary {
        let money = |amount| Money::new(amount, &self.currency);
        OrderSummary {
            status: self.status.as_str().to_owned(),
            total: self.bill.map(|bill| money(bill.total)),
            payment_deadline: self.bill.map(|bill| bill.payment_deadline),
            refund_due: self.refund_due.map(money),
        }
    }

    /// The lines for which stock is held.
    pub(super) fn held(&self) -> Vec<LineQuantity> {
        self.lines
            .iter()
            .filter(|line| matches!(line.state, LineState::Held { .. }))
            .map(Line::quantity)
            .collect()
    }

    pub(super) fn line(&self, number: i32) -> Option<&Line> {
        self.lines.get(index_of(number)?)
    }

    pub(super) fn line_mut(&mut self, number: i32) -> Option<&mut Line> {
        self.lines.get_mut(index_of(number)?)
    }
}

impl Line {
    pub(super) fn quantity(&self) -> LineQuantity {
        LineQuantity { line: self.line, sku: self.sku.clone(), quantity: self.quantity }
    }

    pub(super) fn priced(&self, unit_price: i64) -> PricedLine {
        let (line, sku, quantity) = (self.line, self.sku.clone(), self.quantity);
        PricedLine { line, sku, quantity, unit_price }
    }
}

/// Where line `number` stands among the lines of its order.
pub(super) fn index_of(number: i32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}
