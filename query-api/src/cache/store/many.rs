//! Several rows at once: from memory, and the others with one statement.
//!
//! The shared tier is passed over: one statement brings all rows in the time of one question to it.

use std::{collections::HashMap, sync::Arc};

use events::Position;

use super::{Cache, Fetched, Inner, Tier, count};
use crate::{
    cache::row::{Key, Loaded, Row},
    read::{Database, Error, checkpoint::Projection},
    servers::Server,
};

impl Cache {
    /// The rows of one read model by their keys, each with what a request gets of it. The caller has
    /// waited until some server has passed the positions. One key alone goes through all tiers.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn fetch_many(
        &self,
        projection: Projection,
        keys: &[Key],
        positions: &[Position],
    ) -> Result<HashMap<Key, Fetched>, Error> {
        if let [key] = keys {
            return Ok([(key.clone(), self.fetch(key, positions, "uri-miss").await?)].into());
        }
        let Inner { memory, servers, quiet, .. } = &*self.0;
        let era = memory.era(projection);
        let is_fit = |key: &Key, row: &Row| {
            memory.is_current(key, row, era) && row.shows(projection, positions)
        };
        let keys: Arc<[Key]> = keys.into();
        let read = |database: Database| {
            let keys = keys.clone();
            async move { read(&database, projection, &keys).await }
        };
        let (mut rows, server) = servers.read(projection, positions, read).await?;
        let mut fetched = HashMap::new();
        if server == Server::Replica {
            // What the replica has not, or not as new as is known, is looked for on the primary.
            let (fit, unfit): (Vec<_>, Vec<_>) = rows
                .into_iter()
                .partition(|(key, loaded)| loaded.row.as_ref().is_some_and(|row| is_fit(key, row)));
            let unfit: Vec<Key> = unfit.into_iter().map(|(key, _)| key).collect();
            fetched.extend(fit.into_iter().map(|(key, loaded)| kept(key, loaded, Tier::Replica)));
            rows = if unfit.is_empty() {
                Vec::new()
            } else {
                self::read(servers.primary(), projection, &unfit).await?
            };
        }
        fetched.extend(rows.into_iter().map(|(key, loaded)| kept(key, loaded, Tier::Primary)));
        for (key, Fetched { row, answered, .. }) in &fetched {
            count(key, answered.tier);
            if let Some(row) = row
                && self.0.is_on
            {
                memory.learn(projection, row.facts.generation, era, *quiet);
                memory.keep(key, row, era);
            }
        }
        Ok(fetched)
    }
}

fn kept(key: Key, loaded: Loaded, tier: Tier) -> (Key, Fetched) {
    (key, Fetched::new(loaded, tier, false))
}

async fn read(
    database: &Database,
    projection: Projection,
    keys: &[Key],
) -> Result<Vec<(Key, Loaded)>, Error> {
    let ids: Vec<&str> = keys.iter().map(|key| &*key.id).collect();
    match projection {
        Projection::Orders => {
            let batch = database.orders_by_id(&ids).await?;
            Loaded::of_batch(projection, batch, |order| order.overview.version)
        }
        Projection::Products => {
            let batch = database.products_by_sku(&ids).await?;
            Loaded::of_batch(projection, batch, |product| product.version)
        }
        // Nobody makes such keys.
        _ => Ok(Vec::new()),
    }
}
