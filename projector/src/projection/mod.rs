//! Projections: small programs that turn facts into the rows of one read model.
//!
//! To add a read model: a migration, a file here, and a line in [`registered`].

pub mod customers;
pub mod orders;
pub mod outcomes;
pub mod products;
pub mod registration;
pub mod sales;

use std::{collections::BTreeMap, fmt::Debug, future::Future};

use eventlog::Partition;
use events::Topic;
use sqlx::PgConnection;

pub use registration::Registration;

use crate::{
    change::Change,
    decode::Body,
    fact::{Fact, Unfit},
};

/// Every projection of this binary, one line each.
pub fn registered() -> Vec<Registration> {
    vec![
        Registration::of::<orders::Orders>(),
        Registration::of::<products::Products>(),
        Registration::of::<outcomes::Outcomes>(),
        Registration::of::<customers::Customers>(),
        Registration::of::<sales::Sales>(),
    ]
}

/// One table of a read model, as generations are compared by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// The columns of its primary key.
    pub key: &'static [&'static str],
    /// Columns that say which copy of a record was read, and so may differ.
    pub hints: &'static [&'static str],
    /// The column by whose time old rows are deleted; absent where none are.
    pub swept_by: Option<&'static str>,
}

impl Table {
    pub const fn new(name: &'static str, key: &'static [&'static str]) -> Self {
        Self { name, key, hints: &[], swept_by: None }
    }
}

/// The projection with this name.
pub fn named(name: &str) -> Option<Registration> {
    registered().into_iter().find(|registration| registration.name == name)
}

/// A read model as a fold: rows by key, changed by facts, one after the other.
pub trait Projection: Debug + Send + Sync + 'static {
    /// The name in checkpoints, metrics and the consumer group.
    const NAME: &'static str;
    /// The topics that it reads; all have bodies of one type.
    const TOPICS: &'static [Topic];

    /// The tables of the read model, those that others refer to first.
    const TABLES: &'static [Table];

    type Body: Body;
    /// All rows of one key.
    type Rows: Debug + Send + Sync;

    /// The key of the rows that a fact changes; `None` when it does not concern this read model.
    /// The rows of one key are changed by the facts of one partition only.
    fn key(body: &Self::Body) -> Option<&str>;

    /// Changes the rows by a fact; on an error they stay as they were.
    fn fold(rows: &mut Option<Self::Rows>, fact: &Fact<Self::Body>) -> Result<(), Unfit>;

    /// Reads the rows of the keys that have any.
    fn load(
        connection: &mut PgConnection,
        keys: &[&str],
    ) -> impl Future<Output = sqlx::Result<BTreeMap<String, Self::Rows>>> + Send;

    /// Writes changed rows. They come in key order, so that writers cannot deadlock.
    fn store(
        connection: &mut PgConnection,
        rows: &[&Self::Rows],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// What live streams are told: the state of the key after each fact that was folded since the
    /// rows were loaded, or after the last of them; oldest first. Nothing for most read models.
    fn changes(_rows: &Self::Rows) -> Vec<Change> {
        Vec::new()
    }

    /// Deletes the rows of keys.
    fn remove(
        connection: &mut PgConnection,
        keys: &[&str],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Deletes all rows that the partition's events made.
    fn clear(
        connection: &mut PgConnection,
        partition: &Partition,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;
}
