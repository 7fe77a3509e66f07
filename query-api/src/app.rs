//! Builds the process: one pool, one keeper of the checkpoints, the routes.

use std::time::Duration;

use service::process::{Frame, ServeError};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    http::{Api, router},
    live::Live,
    position,
    read::Database,
};

/// How long the pool may take to say goodbye to PostgreSQL; a server that has fallen silent must
/// not hold the stop.
const GOODBYE: Duration = Duration::from_secs(1);

/// A look at the checkpoints takes at most two minutes with the highest limits that configuration
/// allows; a longer silence means that the loop is wedged.
const SILENCE: Duration = Duration::from_secs(150);

/// Why the process ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until the stop.
pub async fn run(frame: Frame, config: Config) -> Result<(), Error> {
    let options = config.connect_options().map_err(Error::DatabaseUrl)?;
    let database = Database::new(options, config.pool.settings());
    let (tracker, keeper) = position::tracker(&database, config.position.poll());

    // The keeper outlives the drain: requests in flight may still wait for a position.
    let drained = CancellationToken::new();
    let condition = frame.health.condition("read models");
    let heartbeat = frame.health.heartbeat("checkpoints", SILENCE);
    let keeping = tokio::spawn(keeper.run(condition, heartbeat, drained.clone()));

    let (live, readers) =
        Live::start(database.clone(), &tracker, config.live.settings(), frame.stop.clone());
    let api = Api { database: database.clone(), tracker, waits: config.position.waits(), live };
    let served = frame.serve(router(api)).await;

    frame.stop.cancel();
    readers.ended().await;

    drained.cancel();
    // A panic of the keeper has been logged by the hook; there is nothing left to save.
    let _ = keeping.await;
    let _ = tokio::time::timeout(GOODBYE, database.close()).await;
    Ok(served?)
}
