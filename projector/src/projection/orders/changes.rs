//! What live streams are told of an order: its row after each event.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{Happening, Order, OrderRows};
use crate::change::Change;

/// The row of `orders`, without what the columns of `changes` say.
#[derive(Serialize)]
struct State<'a> {
    currency: &'a str,
    status: &'a str,
    total_amount: Option<i64>,
    payment_deadline: Option<DateTime<Utc>>,
    refund_due_amount: Option<i64>,
    placed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) fn of(rows: &OrderRows) -> Vec<Change> {
    rows.happenings.iter().map(|happening| change(&rows.order, happening)).collect()
}

fn change(order: &Order, happening: &Happening) -> Change {
    let after = &happening.after;
    let state = State {
        currency: &order.currency,
        status: &after.status,
        total_amount: after.total_amount,
        payment_deadline: after.payment_deadline,
        refund_due_amount: after.refund_due_amount,
        placed_at: order.placed_at,
        updated_at: happening.at,
    };
    Change {
        key: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        version: happening.version,
        event: happening.event,
        // A struct of plain fields is always JSON.
        state: serde_json::to_value(state).unwrap_or(Value::Null),
        command_id: happening.command_id,
        source: happening.source.clone(),
    }
}
