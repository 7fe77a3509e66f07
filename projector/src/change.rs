//! What live streams are told of a key: its state after an event.

use serde_json::Value;
use uuid::Uuid;

use crate::fact::Source;

/// A row of `changes`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Order id or SKU.
    pub key: String,
    pub customer_id: Option<String>,
    /// Of the order or product after the event.
    pub version: i64,
    /// Record name of the event.
    pub event: &'static str,
    /// The row after the event, without what stands here.
    pub state: Value,
    pub command_id: Option<Uuid>,
    /// The event's place.
    pub source: Source,
}
