//! All events as one type.

use crate::{
    Kind,
    codec::{self, Described, Record, record_union},
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

/// `(type, schema file, kind of the shards that write it, by its key)`, and `without version` where it
/// belongs to no aggregate.
macro_rules! event_record {
    ($type:ident, $file:literal, $kind:ident by $key:ident) => {
        $crate::event::event_record!($type, $file, $kind by $key, true);
    };
    ($type:ident, $file:literal, $kind:ident by $key:ident, without version) => {
        $crate::event::event_record!($type, $file, $kind by $key, false);
    };
    ($type:ident, $file:literal, $kind:ident by $key:ident, $is_versioned:literal) => {
        $crate::codec::record!($type, "spillway.events", $file);

        impl $crate::codec::Described for $type {
            type About = $crate::event::About;
            const ABOUT: Self::About = $crate::event::About {
                kind: $crate::Kind::$kind,
                is_versioned: $is_versioned,
            };

            fn key(&self) -> &str {
                &self.$key
            }
        }
    };
}

pub(crate) use event_record;

record_union! {
    /// A fact in the past tense, kept for ever.
    pub enum Event: About {
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

/// What an event says of itself, once, beside its type.
pub(crate) struct About {
    pub(crate) kind: Kind,
    pub(crate) is_versioned: bool,
}

impl Event {
    /// The identity that the record is keyed by, such as a SKU or an order id.
    pub fn key(&self) -> &str {
        self.record_key()
    }

    /// Which shards write this event.
    pub fn kind(&self) -> Kind {
        self.about().kind
    }

    /// Which shards write the events of this short record name; `None` for a name of no event.
    pub fn kind_of(name: &str) -> Option<Kind> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        Self::ABOUT.get(index).map(|about| about.kind)
    }

    /// False for an event that belongs to no aggregate, and so carries no version.
    pub fn is_versioned(&self) -> bool {
        self.about().is_versioned
    }
}
