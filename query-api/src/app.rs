//! Builds the process: a pool and a keeper of the checkpoints for each server, the cache, the routes.

use std::time::Duration;

use service::process::{Frame, ServeError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::Cache,
    config::Config,
    http::{Api, Graphql, router},
    live::Live,
    measure, position,
    read::Database,
    servers::Servers,
};

/// A look at the checkpoints takes at most two minutes with the highest limits that configuration
/// allows; a longer silence means that the loop is wedged.
const SILENCE: Duration = Duration::from_secs(150);

/// Why the process ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error("a replica's URL cannot be used")]
    ReplicaUrl(#[source] sqlx::Error),
    #[error("the Redis URL cannot be used")]
    RedisUrl(#[source] redis::RedisError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until the stop.
pub async fn run(frame: Frame, config: Config) -> Result<(), Error> {
    measure::describe();
    let options = config.connect_options().map_err(Error::DatabaseUrl)?;
    let database = Database::new(options, config.pool.settings());
    let (tracker, keeper) = position::tracker(&database, config.position.poll());

    // The keepers outlive the drain: requests in flight may still wait for a position.
    let drained = CancellationToken::new();
    let condition = frame.health.condition("read models");
    let heartbeat = frame.health.heartbeat("checkpoints", SILENCE);
    let mut tasks = JoinSet::new();
    tasks.spawn(keeper.run(Some((condition, heartbeat)), drained.clone()));

    let (live, readers) =
        Live::start(database.clone(), &tracker, config.live.settings(), frame.stop.clone());
    let mut replicas = Vec::new();
    for options in config.replicas.connect_options().map_err(Error::ReplicaUrl)? {
        let replica = Database::new(options, config.pool.settings());
        let (tracker, keeper) = position::tracker(&replica, config.position.poll());
        // A replica that is away makes nobody unready: the primary answers.
        tasks.spawn(keeper.run(None, drained.clone()));
        replicas.push((replica, tracker));
    }
    let servers = Servers::new((database.clone(), tracker.clone()), replicas);
    tasks.spawn(servers.clone().watch_lag(config.replicas.lag_max(), drained.clone()));
    let shared = config.cache.shared().map_err(Error::RedisUrl)?;
    let cache = Cache::new(servers.clone(), config.cache.settings(), shared);
    tasks.spawn(cache.listener().run(drained.clone()));

    let api = Api {
        database,
        tracker,
        servers: servers.clone(),
        cache,
        waits: config.position.waits(),
        cursors: config.cursors(),
        graphql: Graphql::new(config.graphql.limits()),
        live,
    };
    let graphql = api.graphql.clone();
    let served = frame.serve(router(api)).await;

    frame.stop.cancel();
    graphql.ended().await;
    readers.ended().await;

    drained.cancel();
    // A panic of a task has been logged by the hook; there is nothing left to save.
    while tasks.join_next().await.is_some() {}
    servers.close();
    Ok(served?)
}
