//! What became of commands.

use async_graphql::SimpleObject;
use uuid::Uuid;

use super::{
    money::Money,
    scalar::{Long, Time},
};
use crate::read::command;

/// What became of a client command.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "CommandOutcome")]
pub(super) struct Outcome {
    command_id: Uuid,
    /// Name of the command.
    command: String,
    /// Relative reference of the order or product concerned.
    resource: String,
    /// `done` or `refused`.
    status: String,
    /// Version of the order or product after the command; null where there is none.
    version: Option<Long>,
    /// Log time of the decision.
    decided_at: Time,
    /// Null when the command was carried out, be it only in part.
    refusal: Option<Refusal>,
    /// The order as the command left it; null for products and unknown orders.
    order: Option<OrderState>,
    /// Sent as `Spillway-Position` it lets a query see what the command did.
    position: String,
}

/// Why a command was refused.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Refusal {
    /// Problem type, a reference to its explanation.
    #[graphql(name = "type")]
    problem: String,
    /// Last segment of the problem type.
    code: String,
    /// A sentence for people.
    detail: String,
    /// The order lines concerned.
    lines: Vec<RefusedLine>,
}

/// An order line for which no stock could be held.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct RefusedLine {
    /// Number of the line, from 1.
    line: i32,
    sku: String,
    /// `out-of-stock`, `unknown-sku`, `price-changed` or `currency-mismatch`.
    reason: String,
    /// Pieces that were available, where stock was the reason.
    available: Option<Long>,
}

/// An order as a command left it.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct OrderState {
    status: String,
    /// Price of the reserved lines; null until the order is reserved.
    total: Option<Money>,
    /// Until when payment is awaited.
    payment_deadline: Option<Time>,
    /// What must be paid back.
    refund_due: Option<Money>,
    /// The lines that the order was reserved without.
    refused_lines: Vec<RefusedLine>,
}

impl From<command::CommandOutcome> for Outcome {
    fn from(outcome: command::CommandOutcome) -> Self {
        Self {
            command_id: outcome.command_id,
            command: outcome.command,
            resource: outcome.resource,
            status: outcome.status,
            version: outcome.version.map(Long),
            decided_at: Time(outcome.decided_at),
            refusal: outcome.refusal.map(Refusal::from),
            order: outcome.order.map(OrderState::from),
            position: outcome.position,
        }
    }
}

impl From<command::Refusal> for Refusal {
    fn from(refusal: command::Refusal) -> Self {
        let command::Refusal { problem, code, detail, lines } = refusal;
        Self { problem, code, detail, lines: lines.into_iter().map(RefusedLine::from).collect() }
    }
}

impl From<command::RefusedLine> for RefusedLine {
    fn from(line: command::RefusedLine) -> Self {
        let command::RefusedLine { line, sku, reason, available } = line;
        Self { line, sku, reason, available: available.map(Long) }
    }
}

impl From<command::OrderState> for OrderState {
    fn from(order: command::OrderState) -> Self {
        Self {
            status: order.status,
            total: order.total.as_ref().map(Money::from),
            payment_deadline: order.payment_deadline.map(Time),
            refund_due: order.refund_due.as_ref().map(Money::from),
            refused_lines: order.refused_lines.into_iter().map(RefusedLine::from).collect(),
        }
    }
}
