//! What waits behind dead letters of that which a stream shows, judged as the query of its rows does.

use std::collections::BTreeMap;

use super::{Api, error::Error, freshness::Freshness};
use crate::{
    live::Filter,
    read::{checkpoint::Projection, stamp::Parked},
};

/// Keys that the stream begins with as they were before their dead letters.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Those that were asked for by their ids.
    pub(super) keys: BTreeMap<String, Parked>,
    /// How many they are; where they are not known, those of the whole read model.
    pub(super) count: u64,
}

impl Waiting {
    /// Called before the state is read that the stream begins with, which is only newer.
    ///
    /// # Errors
    /// When the state may lack what the request's positions stand for.
    pub(super) async fn judge(
        api: &Api,
        freshness: &Freshness,
        filter: &Filter,
    ) -> Result<Self, Error> {
        match filter {
            Filter::Order(order_id) => {
                let stamped = api.database.order_stamped(order_id).await?;
                freshness.judge(&stamped)?;
                Ok(Self::of(stamped.stamp.parked.map(|parked| (order_id.clone(), parked))))
            }
            Filter::Products(Some(skus)) => {
                let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
                let batch = api.database.products_by_sku(&skus).await?;
                freshness.judge_marks(Projection::Products, &batch.marks)?;
                // A product that is not there yet is no fault: it is shown once it is.
                for product in &batch.rows {
                    freshness.judge_parked(product.row.is_some(), product.parked.as_ref())?;
                }
                Ok(Self::of(batch.rows.into_iter().filter_map(|p| p.parked.map(|by| (p.key, by)))))
            }
            Filter::Customer(_) | Filter::Products(None) => {
                let count = api.tracker.parked(filter.projection());
                Ok(Self { keys: BTreeMap::new(), count })
            }
        }
    }

    fn of(keys: impl IntoIterator<Item = (String, Parked)>) -> Self {
        let keys: BTreeMap<_, _> = keys.into_iter().collect();
        let count = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        Self { keys, count }
    }
}
