//! What a world may have in front of its primary.

use std::time::Duration;

use query_api::{
    cache::{Cache, Settings, Shared, SharedSettings},
    position,
    read::{Database, Settings as Limits},
    servers::Servers,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Long enough that age cannot be what drops a row within a test.
pub(crate) const AGE: Duration = Duration::from_secs(600);

/// The tiers of one process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tiers {
    /// Zero: no cache.
    pub(crate) age: Duration,
    /// Whether notices are listened to.
    pub(crate) listens: bool,
    pub(crate) redis_url: Option<String>,
    /// Databases of the same server or of others.
    pub(crate) replicas: Vec<String>,
    /// Zero: replicas may be behind as they like.
    pub(crate) lag_max: Duration,
}

impl Tiers {
    pub(crate) fn memory() -> Self {
        Self { age: AGE, listens: true, ..Self::default() }
    }
}

/// Builds them as `app` does.
pub(crate) fn build(
    tiers: &Tiers,
    primary: (Database, position::Tracker),
    limits: Limits,
    poll: Duration,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> (Servers, Cache) {
    let mut replicas = Vec::new();
    for url in &tiers.replicas {
        let replica = Database::new(url.parse().unwrap(), limits);
        let (tracker, keeper) = position::tracker(&replica, poll);
        tasks.spawn(keeper.run(None, stop.clone()));
        replicas.push((replica, tracker));
    }
    let servers = Servers::new(primary, replicas);
    if !tiers.lag_max.is_zero() {
        tasks.spawn(servers.clone().watch_lag(tiers.lag_max, stop.clone()));
    }
    let shared = tiers.redis_url.as_ref().map(|url| {
        // Longer than any pause of a busy machine: what fails here is Redis, not the clock.
        let settings = SharedSettings { timeout: Duration::from_secs(5), age: tiers.age };
        Shared::new(url, settings).unwrap()
    });
    let bytes_max = if tiers.age.is_zero() { 0 } else { 1 << 20 };
    let settings = Settings { bytes_max, age: tiers.age };
    let cache = Cache::new(servers.clone(), settings, shared);
    if tiers.listens {
        tasks.spawn(cache.listener().run(stop.clone()));
    }
    (servers, cache)
}
