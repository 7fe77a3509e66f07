//! The rows that a fold of events must have given, in the form in which they are read.

use chrono::{DateTime, Utc};
use domain::order::LineState;
use events::outcome::Outcome;
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use super::fold::{FoldedOrder, FoldedProduct};

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
pub(super) struct OrderRow {
    pub(super) order_id: String,
    pub(super) customer_id: Option<String>,
    pub(super) currency: String,
    pub(super) status: String,
    pub(super) total_amount: Option<i64>,
    pub(super) payment_deadline: Option<DateTime<Utc>>,
    pub(super) refund_due_amount: Option<i64>,
    pub(super) placed_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    pub(super) version: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
pub(super) struct LineRow {
    pub(super) order_id: String,
    pub(super) line: i32,
    pub(super) sku: String,
    pub(super) quantity: i64,
    pub(super) unit_price_max: Option<i64>,
    pub(super) unit_price: Option<i64>,
    pub(super) refusal: Option<String>,
    pub(super) available: Option<i64>,
    pub(super) placed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
pub(super) struct ProductRow {
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) price_amount: i64,
    pub(super) currency: String,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) active: bool,
    pub(super) low_stock_threshold: Option<i64>,
    pub(super) registered_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    pub(super) version: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
pub(super) struct OutcomeRow {
    pub(super) command_id: String,
    pub(super) kind: String,
    pub(super) key: String,
    pub(super) command: String,
    pub(super) caller: String,
    pub(super) status: String,
    pub(super) version: i64,
    pub(super) refusal: Option<Value>,
    pub(super) order_summary: Option<Value>,
    pub(super) position: Value,
    pub(super) decided_at: Option<DateTime<Utc>>,
}

pub(super) fn order_row(folded: &FoldedOrder) -> OrderRow {
    let summary = folded.order.summary();
    OrderRow {
        order_id: folded.order.id().to_owned(),
        customer_id: folded.customer_id.clone(),
        currency: folded.currency.clone(),
        status: summary.status,
        total_amount: summary.total.map(|money| money.amount),
        payment_deadline: summary.payment_deadline.and_then(DateTime::from_timestamp_millis),
        refund_due_amount: summary.refund_due.map(|money| money.amount),
        placed_at: folded.placed_at,
        updated_at: folded.updated_at,
        version: folded.order.version,
    }
}

pub(super) fn product_row(folded: &FoldedProduct) -> ProductRow {
    let product = &folded.product;
    let price = product.price();
    ProductRow {
        sku: product.sku().to_owned(),
        name: product.name().to_owned(),
        price_amount: price.amount,
        currency: price.currency,
        on_hand: product.on_hand(),
        reserved: product.reserved(),
        active: product.is_active(),
        low_stock_threshold: product.low_stock_threshold(),
        registered_at: folded.registered_at,
        updated_at: folded.updated_at,
        version: product.version,
    }
}

pub(super) fn line_rows(folded: &FoldedOrder) -> impl Iterator<Item = LineRow> {
    folded.order.lines().iter().map(|line| LineRow {
        order_id: folded.order.id().to_owned(),
        line: line.line,
        sku: line.sku.clone(),
        quantity: line.quantity,
        unit_price_max: folded.unit_prices_max.get(&line.line).copied(),
        unit_price: folded.unit_prices.get(&line.line).copied(),
        refusal: match &line.state {
            LineState::Refused { reason, .. } => Some(reason.clone()),
            _ => None,
        },
        available: match line.state {
            LineState::Refused { available, .. } => available,
            _ => None,
        },
        placed_at: folded.placed_at,
    })
}

pub(super) fn outcome_row(outcome: &Outcome) -> OutcomeRow {
    let status = if outcome.refused().is_none() { "done" } else { "refused" };
    OutcomeRow {
        command_id: outcome.command_id.clone(),
        kind: outcome.kind.clone(),
        key: outcome.key.clone(),
        command: outcome.command.clone(),
        caller: outcome.caller.clone(),
        status: status.to_owned(),
        version: outcome.version,
        refusal: outcome.refusal.as_ref().map(json),
        order_summary: outcome.order.as_ref().map(json),
        position: json(&outcome.position),
        decided_at: DateTime::from_timestamp_millis(outcome.decided_at),
    }
}

/// As the projector stores it; null for what has no JSON, which no row shows.
fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
