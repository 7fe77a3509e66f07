//! Projections: small programs that turn facts into the rows of one read model.
//!
//! To add a read model: a migration, a file here, and a line in [`registered`].

pub mod orders;
pub mod outcomes;
pub mod products;

use std::{collections::BTreeMap, fmt::Debug, future::Future};

use events::Topic;
use sqlx::PgConnection;

use crate::{
    decode::Body,
    fact::{Fact, Unfit},
    runner::Registration,
};

/// Every projection of this binary, one line each.
pub fn registered() -> Vec<Registration> {
    vec![
        Registration::of::<orders::Orders>(),
        Registration::of::<products::Products>(),
        Registration::of::<outcomes::Outcomes>(),
    ]
}

/// A read model as a fold: rows by key, changed by facts, one after the other.
pub trait Projection: Debug + Send + Sync + 'static {
    /// The name in checkpoints, metrics and the consumer group.
    const NAME: &'static str;
    /// The topics that it reads; all have bodies of one type.
    const TOPICS: &'static [Topic];

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
}
