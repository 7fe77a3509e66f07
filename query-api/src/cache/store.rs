//! The tiers together: where a row is looked for, and who may answer with it.

mod many;

use std::{sync::Arc, time::Duration};

use events::{Position, position::Mark};

use super::{
    Listener, Settings, Shared,
    flight::Flights,
    memory::{Found, Memory, Why},
    row::{Key, Loaded, Row},
};
use crate::{
    measure::CACHE_ANSWERS,
    read::{
        Database, Error,
        checkpoint::{Marks, Projection},
        stamp::Parked,
    },
    servers::{Server, Servers},
};

/// A flight that was begun too early for a request's position is followed by one that was not.
const FLIGHTS_MAX: usize = 3;

/// A handle; clones share the rows.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    memory: Memory,
    flights: Flights<Result<Fetched, Error>>,
    shared: Option<Shared>,
    servers: Servers,
    /// How long the shared tier may hold what was read before now.
    quiet: Duration,
    is_on: bool,
}

/// What a request gets.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Absent when there is no such row.
    pub row: Option<Arc<Row>>,
    /// Set when events of the key wait behind a dead letter.
    pub parked: Option<Parked>,
    /// Where there is no row: how far the read model was.
    pub missing_at: Option<Marks>,
    pub answered: Answered,
}

/// Who has answered, and why not those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub tier: Tier,
    /// Why memory did not: `uri-miss`, `stale` or `request`, in the words of RFC 9211.
    pub missed: &'static str,
    /// Whether Redis was asked.
    pub was_shared_asked: bool,
    /// Whether another request's load has answered.
    pub is_collapsed: bool,
}

/// The places that a row may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    Memory,
    Redis,
    Replica,
    Primary,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Memory => "memory",
            Tier::Redis => "redis",
            Tier::Replica => "replica",
            Tier::Primary => "primary",
        }
    }
}

impl Cache {
    /// A cache in front of the servers.
    pub fn new(servers: Servers, settings: Settings, shared: Option<Shared>) -> Self {
        let is_on = settings.bytes_max > 0 && !settings.age.is_zero();
        Self(Arc::new(Inner {
            memory: Memory::new(settings),
            flights: Flights::default(),
            // A row that was read just before is put there at the end of its read at the latest.
            quiet: settings.age + servers.primary().deadline(),
            shared: shared.filter(|_| is_on),
            servers,
            is_on,
        }))
    }

    /// The task that drops what has changed.
    pub fn listener(&self) -> Listener {
        Listener { pool: self.0.servers.primary().reserved(), cache: self.clone() }
    }

    /// The row from memory, if it is there and shows all that the positions stand for; else why not.
    ///
    /// # Errors
    /// The reason, to be given to [`Cache::fetch`].
    pub fn find(&self, key: &Key, positions: &[Position]) -> Result<Fetched, &'static str> {
        if !self.0.is_on {
            return Err("bypass");
        }
        match self.0.memory.find(key, positions) {
            Found::Fresh(row) => {
                let (parked, tier) = (row.facts.parked.clone(), Tier::Memory);
                count(key, tier);
                let answered =
                    Answered { tier, missed: "", was_shared_asked: false, is_collapsed: false };
                Ok(Fetched { row: Some(row), parked, missing_at: None, answered })
            }
            Found::Unfit(Why::Stale) => Err("stale"),
            Found::Unfit(Why::Request) => Err("request"),
            Found::Nothing => Err("uri-miss"),
        }
    }

    /// The row from a tier behind memory. The caller has waited until some server has passed the
    /// positions.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn fetch(
        &self,
        key: &Key,
        positions: &[Position],
        missed: &'static str,
    ) -> Result<Fetched, Error> {
        let mut fetched = if self.0.is_on {
            self.board(key, positions).await?
        } else {
            self.load(key, positions).await?
        };
        fetched.answered.missed = missed;
        count(key, fetched.answered.tier);
        Ok(fetched)
    }

    async fn board(&self, key: &Key, positions: &[Position]) -> Result<Fetched, Error> {
        for _ in 0..FLIGHTS_MAX {
            let seat = self.0.flights.board(key, || {
                let (cache, key, positions) = (self.clone(), key.clone(), positions.to_vec());
                async move { cache.load(&key, &positions).await }
            });
            let is_shared = seat.is_shared;
            let mut fetched = seat.landed().await.ok_or(Error::Slow)??;
            fetched.answered.is_collapsed = is_shared;
            if !is_shared || fetched.shows(key.projection, positions) {
                return Ok(fetched);
            }
        }
        self.load(key, positions).await
    }

    /// Each read that this goes through has its own deadline.
    async fn load(&self, key: &Key, positions: &[Position]) -> Result<Fetched, Error> {
        let Inner { memory, quiet, .. } = &*self.0;
        let era = memory.era(key.projection);
        let is_fit =
            |row: &Row| memory.is_current(key, row, era) && row.shows(key.projection, positions);
        let generation = memory.shared_generation(key.projection);
        let shared = self.0.shared.as_ref().zip(generation);
        if let Some((shared, generation)) = shared
            && let Some(row) = shared.get(key, generation).await.filter(is_fit)
        {
            let row = Arc::new(row);
            memory.keep(key, &row, era);
            let (parked, generation) = (row.facts.parked.clone(), row.facts.generation);
            let loaded = Loaded { row: Some(row), generation, parked, missing_at: None };
            return Ok(Fetched::new(loaded, Tier::Redis, true));
        }
        let (loaded, server) = self.ask_servers(key, positions, is_fit).await?;
        memory.learn(key.projection, loaded.generation, era, *quiet);
        if let Some(row) = &loaded.row
            && self.0.is_on
        {
            memory.keep(key, row, era);
            self.share(key, row, era);
        }
        let tier = match server {
            Server::Primary => Tier::Primary,
            Server::Replica => Tier::Replica,
        };
        Ok(Fetched::new(loaded, tier, shared.is_some()))
    }

    /// A replica's row counts only if nothing newer is known of it; one that it has not is looked for
    /// on the primary, because it may just have come.
    async fn ask_servers(
        &self,
        key: &Key,
        positions: &[Position],
        is_fit: impl Fn(&Row) -> bool,
    ) -> Result<(Loaded, Server), Error> {
        let servers = &self.0.servers;
        let read = |database: Database| async move { read(&database, key).await };
        let (loaded, server) = servers.read(key.projection, positions, read).await?;
        let is_enough = match server {
            Server::Primary => true,
            Server::Replica => loaded.row.as_ref().is_some_and(|row| is_fit(row)),
        };
        if is_enough {
            return Ok((loaded, server));
        }
        Ok((read(servers.primary().clone()).await?, Server::Primary))
    }

    /// Puts a row into the shared tier, beside the request.
    fn share(&self, key: &Key, row: &Arc<Row>, era: u64) {
        let Some(shared) = self.0.shared.clone() else { return };
        let (cache, key, row) = (self.clone(), key.clone(), row.clone());
        tokio::spawn(async move {
            if cache.0.memory.is_current(&key, &row, era) {
                shared.put(&key, &row).await;
            }
        });
    }

    pub(super) fn changed(&self, projection: Projection, partition: i32, mark: Mark, ids: &[&str]) {
        for id in ids {
            let key = Key { projection, id: (*id).into() };
            self.0.memory.changed(&key, partition, mark);
            self.0.flights.close(&key);
        }
    }

    pub(super) fn forget(&self, projection: Projection, generation: Option<i32>) {
        self.0.memory.forget(projection, generation, self.0.quiet);
        self.0.flights.close_all();
    }

    pub(super) fn forget_all(&self) {
        for projection in Projection::ALL {
            self.forget(projection, None);
        }
    }
}

impl Fetched {
    fn new(loaded: Loaded, tier: Tier, was_shared_asked: bool) -> Self {
        let answered = Answered { tier, missed: "", was_shared_asked, is_collapsed: false };
        let Loaded { row, parked, missing_at, .. } = loaded;
        Self { row, parked, missing_at, answered }
    }

    /// Whether a load that somebody else began is enough for these positions.
    fn shows(&self, projection: Projection, positions: &[Position]) -> bool {
        match &self.row {
            Some(row) => row.shows(projection, positions),
            None => positions.is_empty(),
        }
    }
}

async fn read(database: &Database, key: &Key) -> Result<Loaded, Error> {
    match key.projection {
        Projection::Orders => {
            Loaded::of(database.order_stamped(&key.id).await?, |order| order.overview.version)
        }
        Projection::Products => {
            Loaded::of(database.product_stamped(&key.id).await?, |product| product.version)
        }
        // Nobody makes such keys.
        _ => Ok(Loaded { row: None, generation: 0, parked: None, missing_at: None }),
    }
}

fn count(key: &Key, tier: Tier) {
    metrics::counter!(CACHE_ANSWERS, "read_model" => key.projection.as_str(), "tier" => tier.as_str())
        .increment(1);
}
