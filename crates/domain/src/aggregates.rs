//! The aggregates of one shard, by kind: one line each, from which the rest follows.

use events::{Event, Kind};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    Unfit,
    order::{self, Order},
    product::{self, Product},
};

/// Aggregates by their keys.
pub type Map<A> = FxHashMap<String, A>;

/// `Kind: field of Type in module,` where the module has `evolve` and the type a `version`.
macro_rules! aggregates {
    ($($kind:ident: $field:ident of $type:ident in $module:ident,)+) => {
        /// What a shard holds. Only the map of its own kind has entries.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Aggregates {
            $(pub $field: Map<$type>,)+
        }

        /// All aggregates of one kind, sorted by key, as a snapshot keeps them. A kind has its place
        /// in the list here too.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Sorted {
            $($kind(Vec<(String, $type)>),)+
        }

        impl Aggregates {
            /// How many there are, of all kinds.
            pub fn count(&self) -> usize {
                [$(self.$field.len()),+].into_iter().sum()
            }

            /// The version of an aggregate; 0 where there is none.
            pub fn version_of(&self, kind: Kind, key: &str) -> i64 {
                match kind {
                    $(Kind::$kind => self.$field.get(key).map_or(0, |found| found.version),)+
                }
            }

            /// Folds an event into its aggregate; gives the aggregate's version after it.
            ///
            /// # Errors
            /// When the event does not fit. The aggregate is gone then.
            pub fn evolve(&mut self, kind: Kind, event: &Event) -> Result<i64, Unfit> {
                let key = event.key();
                match kind {
                    $(Kind::$kind => {
                        let evolved = $module::evolve(self.$field.remove(key), event)?;
                        let version = evolved.version;
                        self.$field.insert(key.to_owned(), evolved);
                        Ok(version)
                    })+
                }
            }

            /// Those of one kind.
            pub fn sorted(&self, kind: Kind) -> Sorted {
                match kind {
                    $(Kind::$kind => Sorted::$kind(sorted(&self.$field)),)+
                }
            }

            /// Takes what [`Aggregates::sorted`] gave.
            pub fn restore(&mut self, sorted: Sorted) {
                match sorted {
                    $(Sorted::$kind(all) => self.$field = all.into_iter().collect(),)+
                }
            }
        }
    };
}

aggregates! {
    Orders: orders of Order in order,
    Products: products of Product in product,
}

fn sorted<A: Clone>(map: &Map<A>) -> Vec<(String, A)> {
    let entries = map.iter().map(|(key, aggregate)| (key.clone(), aggregate.clone()));
    let mut entries: Vec<(String, A)> = entries.collect();
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    entries
}
