//! What a message says of a change: the state after it, in the shape of the lists.

use chrono::{DateTime, Utc};
use events::{Kind, Topic};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::registry::Change;
use crate::read::{history::RecordPlace, money::Money, order::OrderOverview, product::Product};

/// An order after an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderChanged {
    /// Name of the event.
    #[schema(example = "OrderPaid")]
    pub event: String,
    /// The client command that led to it; null where time or another shard did.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub command_id: Option<Uuid>,
    /// Where the event lies in the log; null where a key was healed by an operator, which makes one
    /// message of all its events.
    pub record: Option<RecordPlace>,
    /// The order as the event left it.
    pub order: OrderOverview,
}

/// A product after an event. Events that were projected together make one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductChanged {
    /// Name of the last event.
    #[schema(example = "StockReserved")]
    pub event: String,
    /// The client command that led to it; null where an order did.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub command_id: Option<Uuid>,
    /// Where the event lies in the log; null where a key was healed by an operator, which makes one
    /// message of all its events.
    pub record: Option<RecordPlace>,
    /// The product as the event left it.
    pub product: Product,
}

/// What the projector keeps of an order (`changes.state`).
#[derive(Deserialize)]
struct OrderState {
    currency: String,
    status: String,
    total_amount: Option<i64>,
    payment_deadline: Option<DateTime<Utc>>,
    refund_due_amount: Option<i64>,
    placed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// What the projector keeps of a product.
#[derive(Deserialize)]
struct ProductState {
    name: String,
    price_amount: i64,
    currency: String,
    on_hand: i64,
    reserved: i64,
    /// Absent from changes that an earlier release kept, as the next.
    #[serde(default = "on_sale")]
    active: bool,
    #[serde(default)]
    low_stock_threshold: Option<i64>,
    registered_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Before there was anything else, every product was.
fn on_sale() -> bool {
    true
}

impl OrderChanged {
    /// # Errors
    /// When the state is none of an order.
    pub fn of(change: &Change) -> Result<Self, serde_json::Error> {
        let state = OrderState::deserialize(&change.state)?;
        let money = |amount: i64| Money { amount, currency: state.currency.clone() };
        Ok(Self {
            event: change.event.clone(),
            command_id: change.command_id,
            record: record(change, Kind::Orders),
            order: OrderOverview {
                order_id: change.key.clone(),
                customer_id: change.customer_id.clone(),
                status: state.status,
                total: state.total_amount.map(money),
                payment_deadline: state.payment_deadline,
                refund_due: state.refund_due_amount.map(money),
                placed_at: state.placed_at,
                updated_at: state.updated_at,
                version: change.version,
                currency: state.currency.clone(),
            },
        })
    }
}

impl ProductChanged {
    /// # Errors
    /// When the state is none of a product.
    pub fn of(change: &Change) -> Result<Self, serde_json::Error> {
        let state = ProductState::deserialize(&change.state)?;
        Ok(Self {
            event: change.event.clone(),
            command_id: change.command_id,
            record: record(change, Kind::Products),
            product: Product {
                sku: change.key.clone(),
                name: state.name,
                price: Money { amount: state.price_amount, currency: state.currency },
                on_hand: state.on_hand,
                reserved: state.reserved,
                available: state.on_hand.saturating_sub(state.reserved),
                active: state.active,
                low_stock_threshold: state.low_stock_threshold,
                registered_at: state.registered_at,
                updated_at: state.updated_at,
                version: change.version,
            },
        })
    }
}

fn record(change: &Change, kind: Kind) -> Option<RecordPlace> {
    (change.place.nth == 0).then(|| RecordPlace {
        topic: Topic::Events(kind).name().to_owned(),
        partition: change.partition,
        offset: change.kafka_offset,
        link_sequence: change.place.link_sequence,
    })
}
