//! One row per event of an order: what happened, when, by which command, and where it was read.

use chrono::{DateTime, Utc};
use events::{Event, Kind};
use serde_json::Value;
use uuid::Uuid;

use super::Order;
use crate::fact::{Fact, Source, Unfit};

/// A row of `order_history`, without the order's id.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    pub version: i64,
    /// Record name of the event.
    pub event: &'static str,
    /// The event as JSON, with the field names of its schema.
    pub body: Value,
    pub at: DateTime<Utc>,
    pub source: Source,
    pub command_id: Option<Uuid>,
    /// What of the order's row events change, after this one.
    pub after: After,
}

/// The columns of `orders` that events change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct After {
    pub status: String,
    pub total_amount: Option<i64>,
    pub payment_deadline: Option<DateTime<Utc>>,
    pub refund_due_amount: Option<i64>,
}

impl From<&Order> for After {
    fn from(order: &Order) -> Self {
        Self {
            status: order.status.clone(),
            total_amount: order.total_amount,
            payment_deadline: order.payment_deadline,
            refund_due_amount: order.refund_due_amount,
        }
    }
}

impl Happening {
    /// `after` is filled in once the event is folded.
    pub(super) fn of(fact: &Fact<Event>) -> Result<Self, Unfit> {
        Ok(Self {
            version: fact.version.ok_or(Unfit::NoVersion)?,
            event: fact.body.name(),
            body: body(&fact.body)?,
            at: fact.at,
            source: fact.source.clone(),
            command_id: fact.command_id,
            after: After::default(),
        })
    }
}

fn body(event: &Event) -> Result<Value, Unfit> {
    match event.kind() {
        Kind::Orders => serde_json::to_value(event).map_err(|_| Unfit::Json),
        _ => Err(Unfit::Stranger),
    }
}
