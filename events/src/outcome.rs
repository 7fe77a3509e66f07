//! What became of a client command: the record of the outcomes topics, and part of every reply.

use serde::{Deserialize, Serialize};

use crate::{Millis, Money, Position, codec::record, line::RefusedLine};

/// Code of the refusal beside an order that was reserved without some of its lines.
pub const PARTLY_RESERVED: &str = "partly-reserved";

/// What became of a client command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// UUID of the client command.
    pub command_id: String,
    /// Record name of the command, such as `PlaceOrder`; empty where it could not be read.
    pub command: String,
    /// Kind of the aggregate: `orders` or `products`.
    pub kind: String,
    /// Identity of the aggregate.
    pub key: String,
    /// Who asked.
    pub caller: String,
    /// Log time of the decision.
    pub decided_at: Millis,
    /// Version of the aggregate after the command; 0 where there is none.
    pub version: i64,
    /// Absent when the command was carried out whole. With the code [`PARTLY_RESERVED`] it was carried
    /// out, but for the lines named here; with every other code it was not.
    pub refusal: Option<Refusal>,
    /// The order after the command; absent for products and for unknown orders.
    pub order: Option<OrderSummary>,
    /// Every shard that the command touched, sorted.
    pub position: Vec<Position>,
}

impl Outcome {
    /// Why the command was not carried out; `None` when it was, be it only in part.
    pub fn refused(&self) -> Option<&Refusal> {
        self.refusal.as_ref().filter(|refusal| refusal.code != PARTLY_RESERVED)
    }

    /// The lines that a command which was carried out could not include.
    pub fn left_out(&self) -> &[RefusedLine] {
        match &self.refusal {
            Some(refusal) if refusal.code == PARTLY_RESERVED => &refusal.lines,
            _ => &[],
        }
    }
}

/// A typed "no" of decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code, the last segment of the problem type: `out-of-stock`, `wrong-amount` …
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The order lines concerned.
    pub lines: Vec<RefusedLine>,
}

/// The order after a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// `placed`, `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`.
    pub status: String,
    /// Price of the lines that hold stock; absent until the order is reserved.
    pub total: Option<Money>,
    /// Absent unless payment is or was awaited.
    pub payment_deadline: Option<Millis>,
    /// What must be paid back.
    pub refund_due: Option<Money>,
}

record!(Outcome, "spillway.outcomes", "outcomes/Outcome.v1.avsc");
