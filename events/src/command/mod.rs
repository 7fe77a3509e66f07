//! All commands as one type, and who may write which.

pub mod client;
pub mod control;
pub mod follow_up;

pub use client::{
    AdjustStock, CancelOrder, ChangePrice, DeactivateProduct, PayOrder, PlaceOrder,
    ReactivateProduct, ReceiveStock, RegisterProduct, SetLowStockThreshold, ShipOrder,
};
pub use control::{ActivateRules, Parameters, ProposeRules, RaiseIncarnation, Tick};
pub use follow_up::{RecordReservation, ReleaseStock, ReserveStock, ShipStock};

use crate::{
    Kind,
    codec::{self, Record, record_union},
};

record_union! {
    /// A wish in the imperative; a client's may be refused, a follow-up may not.
    pub enum Command {
        RegisterProduct,
        ChangePrice,
        ReceiveStock,
        AdjustStock,
        PlaceOrder,
        PayOrder,
        CancelOrder,
        ShipOrder,
        ReserveStock,
        ReleaseStock,
        ShipStock,
        RecordReservation,
        Tick,
        ProposeRules,
        ActivateRules,
        RaiseIncarnation,
        DeactivateProduct,
        ReactivateProduct,
        SetLowStockThreshold,
    }
}

/// Who writes a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A client, through an edge.
    Client,
    /// Another shard.
    Shard,
    /// The owner of the shard (Tick) or an operator.
    Control,
}

impl Command {
    pub fn author(&self) -> Author {
        match self {
            Command::RegisterProduct(_)
            | Command::ChangePrice(_)
            | Command::ReceiveStock(_)
            | Command::AdjustStock(_)
            | Command::DeactivateProduct(_)
            | Command::ReactivateProduct(_)
            | Command::SetLowStockThreshold(_)
            | Command::PlaceOrder(_)
            | Command::PayOrder(_)
            | Command::CancelOrder(_)
            | Command::ShipOrder(_) => Author::Client,
            Command::ReserveStock(_)
            | Command::ReleaseStock(_)
            | Command::ShipStock(_)
            | Command::RecordReservation(_) => Author::Shard,
            Command::Tick(_)
            | Command::ProposeRules(_)
            | Command::ActivateRules(_)
            | Command::RaiseIncarnation(_) => Author::Control,
        }
    }

    /// Which shards read this command; `None`: every shard.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Command::RegisterProduct(_)
            | Command::ChangePrice(_)
            | Command::ReceiveStock(_)
            | Command::AdjustStock(_)
            | Command::DeactivateProduct(_)
            | Command::ReactivateProduct(_)
            | Command::SetLowStockThreshold(_)
            | Command::ReserveStock(_)
            | Command::ReleaseStock(_)
            | Command::ShipStock(_) => Some(Kind::Products),
            Command::PlaceOrder(_)
            | Command::PayOrder(_)
            | Command::CancelOrder(_)
            | Command::ShipOrder(_)
            | Command::RecordReservation(_) => Some(Kind::Orders),
            Command::Tick(_)
            | Command::ProposeRules(_)
            | Command::ActivateRules(_)
            | Command::RaiseIncarnation(_) => None,
        }
    }

    /// The identity that the record is keyed by; `None` for control records.
    pub fn key(&self) -> Option<&str> {
        match self {
            Command::RegisterProduct(c) => Some(&c.sku),
            Command::ChangePrice(c) => Some(&c.sku),
            Command::ReceiveStock(c) => Some(&c.sku),
            Command::AdjustStock(c) => Some(&c.sku),
            Command::DeactivateProduct(c) => Some(&c.sku),
            Command::ReactivateProduct(c) => Some(&c.sku),
            Command::SetLowStockThreshold(c) => Some(&c.sku),
            Command::PlaceOrder(c) => Some(&c.order_id),
            Command::PayOrder(c) => Some(&c.order_id),
            Command::CancelOrder(c) => Some(&c.order_id),
            Command::ShipOrder(c) => Some(&c.order_id),
            Command::ReserveStock(c) => Some(&c.order_id),
            Command::ReleaseStock(c) => Some(&c.order_id),
            Command::ShipStock(c) => Some(&c.order_id),
            Command::RecordReservation(c) => Some(&c.order_id),
            Command::Tick(_)
            | Command::ProposeRules(_)
            | Command::ActivateRules(_)
            | Command::RaiseIncarnation(_) => None,
        }
    }
}
