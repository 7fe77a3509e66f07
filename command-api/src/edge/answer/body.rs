//! The bodies of answers that are no problems.

use events::{Kind, Money, line::RefusedLine, log_time, outcome::Outcome};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Subject;

/// An amount of one currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Amount {
    /// Minor units of the currency.
    amount: i64,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    currency: String,
}

/// An order after a command that was carried out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderAnswer {
    order_id: String,
    /// `reserved`, `paid`, `shipped` or `cancelled`.
    #[schema(example = "reserved")]
    status: String,
    /// Version of the order after the command, as in `ETag`.
    version: i64,
    /// Price of the reserved lines; present once the order is reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Amount>,
    /// Until when payment is or was awaited (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, example = "2026-11-27T09:15:00.000Z")]
    payment_deadline: Option<String>,
    /// What must be paid back, after the cancellation of a paid order.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_due: Option<Amount>,
    /// The lines that the order was reserved without; present when there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_lines: Vec<LineLeftOut>,
    /// The command, as in `/v1/commands/{id}`.
    #[schema(value_type = String, example = "6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e")]
    command_id: Uuid,
}

/// A line that the order was reserved without.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineLeftOut {
    /// Number of the line in its order, from 1.
    line: i32,
    sku: String,
    /// `out-of-stock`, `unknown-sku`, `price-changed` or `currency-mismatch`.
    #[schema(example = "out-of-stock")]
    reason: String,
    /// Pieces that were available, where stock was the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
}

/// A product after a command that was carried out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductAnswer {
    sku: String,
    /// Version of the product after the command, as in `ETag`.
    version: i64,
    /// The command, as in `/v1/commands/{id}`.
    #[schema(value_type = String, example = "6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e")]
    command_id: Uuid,
}

/// A command that is in the log and not yet known decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedAnswer {
    /// The command; its outcome appears at `Location`.
    #[schema(value_type = String, example = "6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e")]
    command_id: Uuid,
    /// Always `pending`.
    #[schema(example = "pending")]
    status: &'static str,
    /// The order it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    /// The product it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
}

impl Amount {
    fn of(money: &Money) -> Self {
        Self { amount: money.amount, currency: money.currency.clone() }
    }
}

impl OrderAnswer {
    pub(super) fn of(subject: &Subject, outcome: &Outcome) -> Self {
        let order = outcome.order.as_ref();
        Self {
            order_id: subject.key.clone(),
            status: order.map(|order| order.status.clone()).unwrap_or_default(),
            version: outcome.version,
            total: order.and_then(|order| order.total.as_ref()).map(Amount::of),
            payment_deadline: order.and_then(|order| order.payment_deadline).map(log_time::rfc3339),
            refund_due: order.and_then(|order| order.refund_due.as_ref()).map(Amount::of),
            refused_lines: outcome.left_out().iter().map(LineLeftOut::of).collect(),
            command_id: subject.command_id,
        }
    }
}

impl LineLeftOut {
    fn of(line: &RefusedLine) -> Self {
        Self {
            line: line.line,
            sku: line.sku.clone(),
            reason: line.reason.clone(),
            available: line.available,
        }
    }
}

impl ProductAnswer {
    pub(super) fn of(subject: &Subject, outcome: &Outcome) -> Self {
        Self { sku: subject.key.clone(), version: outcome.version, command_id: subject.command_id }
    }
}

impl AcceptedAnswer {
    pub(super) fn of(subject: &Subject) -> Self {
        let key = |kind| (subject.kind == kind).then(|| subject.key.clone());
        Self {
            command_id: subject.command_id,
            status: "pending",
            order_id: key(Kind::Orders),
            sku: key(Kind::Products),
        }
    }
}
