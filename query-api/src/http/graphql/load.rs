//! Loads of rows by their keys: what the fields of a request ask for at the same time is read with
//! one statement (DataLoader).
//!
//! Nothing is kept from one load to the next: a subscription lives long, and the cache behind knows
//! when a row has changed.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use async_graphql::dataloader::{DataLoader, Loader};
use futures::future::join_all;
use serde::de::DeserializeOwned;
use service::problem::Problem;

use super::{
    error::{failed, problem_of},
    reader::Reader,
    settle::Settled,
};
use crate::{
    cache::{Fetched, Key},
    http::error::{Error, problem},
    read::{
        Database,
        checkpoint::Projection,
        history::HistoryItem,
        order::{Order, OrderOverview},
        product::Product,
        stamp::Parked,
    },
};

/// The most keys of one statement.
const KEYS_MAX: usize = 500;

/// What the fields of one request load.
#[derive(Debug)]
pub(super) struct Loads(Reader);

/// A row and whether its key waits behind a dead letter.
#[derive(Debug, Clone)]
pub(super) struct Shown<T> {
    pub(super) row: T,
    pub(super) parked: Option<Parked>,
}

/// The events of this order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HistoryOf(String);

/// The newest orders with a line of this product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NewestOf {
    sku: String,
    rows_max: u16,
}

impl Loads {
    pub(super) fn of(reader: Reader, settled: Settled) -> DataLoader<Self> {
        DataLoader::new(Self(reader), move |load| settled.begin(load))
            .delay(Duration::ZERO)
            .max_batch_size(KEYS_MAX)
    }
}

/// The order, unless there is none.
pub(super) async fn order(
    loads: &DataLoader<Loads>,
    order_id: &str,
) -> async_graphql::Result<Option<Shown<Order>>> {
    row(loads, Key::order(order_id)).await
}

/// The product, unless there is none.
pub(super) async fn product(
    loads: &DataLoader<Loads>,
    sku: &str,
) -> async_graphql::Result<Option<Shown<Product>>> {
    row(loads, Key::product(sku)).await
}

/// The events of an order.
pub(super) async fn history(
    loads: &DataLoader<Loads>,
    order_id: &str,
) -> async_graphql::Result<Vec<HistoryItem>> {
    let items = loads.load_one(HistoryOf(order_id.to_owned())).await.map_err(problem_of)?;
    Ok(items.unwrap_or_default())
}

/// The newest orders with a line of the product.
pub(super) async fn newest_orders(
    loads: &DataLoader<Loads>,
    sku: &str,
    rows_max: u16,
) -> async_graphql::Result<Vec<OrderOverview>> {
    let key = NewestOf { sku: sku.to_owned(), rows_max };
    Ok(loads.load_one(key).await.map_err(problem_of)?.unwrap_or_default())
}

async fn row<T: DeserializeOwned>(
    loads: &DataLoader<Loads>,
    key: Key,
) -> async_graphql::Result<Option<Shown<T>>> {
    let Loads(reader) = loads.loader();
    let projection = key.projection;
    let Ok(found) = loads.load_one(key).await;
    let Some(fetched) = found.transpose().map_err(problem_of)? else { return Ok(None) };
    reader.freshness().judge_row(projection, &fetched).map_err(failed)?;
    let Fetched { row, parked, .. } = fetched;
    if parked.is_some() {
        reader.note_parked(1);
    }
    let Some(row) = row else { return Ok(None) };
    // Rows are kept as the bytes that answer them.
    let row =
        serde_json::from_slice(&row.body).map_err(|error| failed(Error::Unwritable(error)))?;
    Ok(Some(Shown { row, parked }))
}

impl Loader<Key> for Loads {
    /// What one read model cannot answer must not keep the rows of the other back.
    type Value = Result<Fetched, Problem>;
    type Error = Infallible;

    async fn load(&self, keys: &[Key]) -> Result<HashMap<Key, Self::Value>, Infallible> {
        let Self(reader) = self;
        let (cache, positions) = (&reader.api().cache, reader.freshness().positions());
        let mut found = HashMap::new();
        let mut missed = BTreeMap::<&'static str, (Projection, Vec<Key>)>::new();
        for key in keys {
            match cache.find(key, positions) {
                Ok(fetched) => _ = found.insert(key.clone(), Ok(fetched)),
                Err(_) => {
                    let of = missed.entry(key.projection.as_str());
                    of.or_insert_with(|| (key.projection, Vec::new())).1.push(key.clone());
                }
            }
        }
        let reads = missed.into_iter().map(|(name, (projection, keys))| async move {
            let reading = cache.fetch_many(projection, &keys, positions);
            let read = reader.in_turn(projection, name, reading).await.map_err(problem);
            (keys, read)
        });
        for (keys, read) in join_all(reads).await {
            match read {
                Ok(fetched) => found.extend(fetched.into_iter().map(|(key, row)| (key, Ok(row)))),
                Err(why) => found.extend(keys.into_iter().map(|key| (key, Err(why.clone())))),
            }
        }
        Ok(found)
    }
}

impl Loader<HistoryOf> for Loads {
    type Value = Vec<HistoryItem>;
    type Error = Problem;

    async fn load(&self, keys: &[HistoryOf]) -> Result<HashMap<HistoryOf, Self::Value>, Problem> {
        let ids: Arc<[String]> = keys.iter().map(|HistoryOf(id)| id.clone()).collect();
        let read = |database: Database| {
            let ids = ids.clone();
            async move {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                database.histories(&ids).await
            }
        };
        let rows = self.0.read(Projection::Orders, "histories", read).await.map_err(problem)?;
        Ok(gathered(rows, HistoryOf))
    }
}

impl Loader<NewestOf> for Loads {
    type Value = Vec<OrderOverview>;
    type Error = Problem;

    async fn load(&self, keys: &[NewestOf]) -> Result<HashMap<NewestOf, Self::Value>, Problem> {
        let mut by_rows_max = BTreeMap::<u16, Vec<String>>::new();
        for NewestOf { sku, rows_max } in keys {
            by_rows_max.entry(*rows_max).or_default().push(sku.clone());
        }
        let mut found = HashMap::new();
        for (rows_max, skus) in by_rows_max {
            let skus: Arc<[String]> = skus.into();
            let read = |database: Database| {
                let skus = skus.clone();
                async move {
                    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
                    database.newest_orders_of(&skus, rows_max).await
                }
            };
            let reading = self.0.read(Projection::Orders, "newest orders", read);
            let rows = reading.await.map_err(problem)?;
            found.extend(gathered(rows, |sku| NewestOf { sku, rows_max }));
        }
        Ok(found)
    }
}

/// Rows under their keys, in the order in which they come.
fn gathered<K: Eq + std::hash::Hash, T>(
    rows: Vec<(String, T)>,
    key: impl Fn(String) -> K,
) -> HashMap<K, Vec<T>> {
    let mut gathered = HashMap::<K, Vec<T>>::new();
    for (text, row) in rows {
        gathered.entry(key(text)).or_default().push(row);
    }
    gathered
}
