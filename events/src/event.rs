//! All events as one type.

use crate::{
    Kind,
    codec::{self, Record, record_union},
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPartlyReserved,
        OrderPlaced, OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
    product::{
        LowStockThresholdSet, PriceChanged, ProductDeactivated, ProductReactivated,
        ProductRegistered, ReservationRefused, StockAdjusted, StockRanLow, StockReceived,
        StockReleased, StockReserved, StockShipped,
    },
};

record_union! {
    /// A fact in the past tense, kept for ever.
    pub enum Event {
        ProductRegistered,
        PriceChanged,
        StockReceived,
        StockAdjusted,
        StockReserved,
        ReservationRefused,
        StockReleased,
        StockShipped,
        OrderPlaced,
        ReservationRecorded,
        OrderReserved,
        OrderRejected,
        OrderPaid,
        OrderShipped,
        OrderCancelled,
        OrderExpired,
        LateReservationReleased,
        OrderPartlyReserved,
        ProductDeactivated,
        ProductReactivated,
        LowStockThresholdSet,
        StockRanLow,
    }
}

impl Event {
    /// The identity that the record is keyed by: a SKU or an order id.
    pub fn key(&self) -> &str {
        match self {
            Event::ProductRegistered(e) => &e.sku,
            Event::PriceChanged(e) => &e.sku,
            Event::StockReceived(e) => &e.sku,
            Event::StockAdjusted(e) => &e.sku,
            Event::StockReserved(e) => &e.sku,
            Event::ReservationRefused(e) => &e.order_id,
            Event::StockReleased(e) => &e.sku,
            Event::StockShipped(e) => &e.sku,
            Event::OrderPlaced(e) => &e.order_id,
            Event::ReservationRecorded(e) => &e.order_id,
            Event::OrderReserved(e) => &e.order_id,
            Event::OrderRejected(e) => &e.order_id,
            Event::OrderPaid(e) => &e.order_id,
            Event::OrderShipped(e) => &e.order_id,
            Event::OrderCancelled(e) => &e.order_id,
            Event::OrderExpired(e) => &e.order_id,
            Event::LateReservationReleased(e) => &e.order_id,
            Event::OrderPartlyReserved(e) => &e.order_id,
            Event::ProductDeactivated(e) => &e.sku,
            Event::ProductReactivated(e) => &e.sku,
            Event::LowStockThresholdSet(e) => &e.sku,
            Event::StockRanLow(e) => &e.sku,
        }
    }

    /// Which shards write this event.
    pub fn kind(&self) -> Kind {
        Self::kind_of(self.name()).unwrap_or(Kind::Orders)
    }

    /// Which shards write the events of this short record name; `None` for a name of no event.
    pub fn kind_of(name: &str) -> Option<Kind> {
        Self::NAMES.iter().position(|n| *n == name).map(|index| match index {
            0..8 | 18..22 => Kind::Products,
            _ => Kind::Orders,
        })
    }

    /// False for an event that belongs to no aggregate, and so carries no version.
    pub fn is_versioned(&self) -> bool {
        !matches!(self, Event::ReservationRefused(_))
    }
}
