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
    codec::{self, Described, Record, record_union},
};

/// `(type, schema file, author, kind of the shards that read it, by its key, since a rules version)`,
/// and `creating` where the command brings its aggregate into being.
macro_rules! command_record {
    ($type:ident, $file:literal, $author:ident, $kind:ident by $key:ident, since $rules:literal) => {
        $crate::command::command_record!(
            $type, $file, $author, $kind by $key, since $rules, false
        );
    };
    (
        $type:ident, $file:literal, $author:ident, $kind:ident by $key:ident, since $rules:literal,
        creating
    ) => {
        $crate::command::command_record!(
            $type, $file, $author, $kind by $key, since $rules, true
        );
    };
    (
        $type:ident, $file:literal, $author:ident, $kind:ident by $key:ident, since $rules:literal,
        $creates:literal
    ) => {
        $crate::codec::record!($type, "spillway.commands", $file);

        impl $crate::codec::Described for $type {
            type About = $crate::command::About;
            const ABOUT: Self::About = $crate::command::About {
                author: $crate::command::Author::$author,
                kind: Some($crate::Kind::$kind),
                rules: $rules,
                creates: $creates,
            };

            fn key(&self) -> &str {
                &self.$key
            }
        }
    };
}

/// `(type, schema file)` of a control record, which every shard has read since the first rules.
macro_rules! control_record {
    ($type:ident, $file:literal) => {
        $crate::codec::record!($type, "spillway.commands", $file);

        impl $crate::codec::Described for $type {
            type About = $crate::command::About;
            const ABOUT: Self::About = $crate::command::About {
                author: $crate::command::Author::Control,
                kind: None,
                rules: 1,
                creates: false,
            };

            fn key(&self) -> &str {
                ""
            }
        }
    };
}

pub(crate) use {command_record, control_record};

record_union! {
    /// A wish in the imperative; a client's may be refused, a follow-up may not.
    pub enum Command: About {
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

/// What a command says of itself, once, beside its type.
pub(crate) struct About {
    pub(crate) author: Author,
    pub(crate) kind: Option<Kind>,
    pub(crate) rules: i32,
    pub(crate) creates: bool,
}

impl Command {
    pub fn author(&self) -> Author {
        self.about().author
    }

    /// Which shards read this command; `None`: every shard.
    pub fn kind(&self) -> Option<Kind> {
        self.about().kind
    }

    /// The first rules version that knows this command. To earlier ones its bytes are no command at
    /// all, as they are to a build that does not have the version: both must decide the same.
    pub fn first_rules(&self) -> i32 {
        self.about().rules
    }

    /// Whether it brings its aggregate into being.
    pub fn creates(&self) -> bool {
        self.about().creates
    }

    /// The identity that the record is keyed by; `None` for control records.
    pub fn key(&self) -> Option<&str> {
        self.kind().map(|_| self.record_key())
    }
}
