//! Commands that one shard writes to another; they are never refused.

use serde::{Deserialize, Serialize};

use super::command_record;
use crate::{
    Position,
    line::{LineQuantity, OrderLine, RefusedLine, ReservedLine},
};

/// Hold stock for all lines of an order that live in this shard, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveStock {
    pub order_id: String,
    pub currency: String,
    pub lines: Vec<OrderLine>,
}

/// Give held stock back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStock {
    pub order_id: String,
    pub lines: Vec<LineQuantity>,
}

/// Held stock left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipStock {
    pub order_id: String,
    pub lines: Vec<LineQuantity>,
}

/// A product shard's answer to [`ReserveStock`]: either list is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordReservation {
    pub order_id: String,
    pub reserved: Vec<ReservedLine>,
    pub refused: Vec<RefusedLine>,
    /// The answering shard's events up to its answer.
    pub position: Position,
}

command_record!(ReserveStock, "commands/ReserveStock.v1.avsc", Shard, Products by order_id, since 1);
command_record!(ReleaseStock, "commands/ReleaseStock.v1.avsc", Shard, Products by order_id, since 1);
command_record!(ShipStock, "commands/ShipStock.v1.avsc", Shard, Products by order_id, since 1);
command_record!(RecordReservation, "commands/RecordReservation.v1.avsc", Shard, Orders by order_id, since 1);
