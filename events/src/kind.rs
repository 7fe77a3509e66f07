//! The kinds of aggregates, one line each. Topics, shards, positions and whatever else goes by kind
//! follow from this list.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `Kind "word": "what its events tell, and what they are keyed by",`
macro_rules! kinds {
    ($($kind:ident $word:literal: $events:literal,)+) => {
        /// Which family of aggregates a shard holds. Snapshots name a kind by its place in the list, so
        /// the list only ever grows at its end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Kind {
            $($kind,)+
        }

        impl Kind {
            pub const ALL: [Kind; [$($word),+].len()] = [$(Kind::$kind),+];

            /// The word used in topic names, headers and positions.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $word,)+ }
            }

            /// What the events of this kind tell, for downstream teams.
            pub(crate) fn about_events(self) -> &'static str {
                match self { $(Kind::$kind => $events,)+ }
            }

            pub(crate) fn commands_topic(self) -> &'static str {
                match self { $(Kind::$kind => concat!($word, ".commands.v1"),)+ }
            }

            pub(crate) fn events_topic(self) -> &'static str {
                match self { $(Kind::$kind => concat!($word, ".events.v1"),)+ }
            }

            pub(crate) fn outcomes_topic(self) -> &'static str {
                match self { $(Kind::$kind => concat!($word, ".outcomes.v1"),)+ }
            }
        }
    };
}

kinds! {
    Orders "orders": "The life of orders, keyed by order id.",
    Products "products": "Catalogue and stock, keyed by SKU; a refused reservation by order id, \
        because it changes no product.",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// The text is the word of no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind: expected {}", Kind::ALL.map(Kind::as_str).join(" or "))]
pub struct UnknownKind;
