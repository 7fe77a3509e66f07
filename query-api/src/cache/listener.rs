//! The task that hears what has changed and drops it.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio_util::sync::CancellationToken;

use super::{
    notice::{self, GENERATIONS, Notice, ROWS},
    store::Cache,
};

/// Between two attempts to listen. Replicas never let anybody listen; then rows are bounded by their
/// age alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes notices on to the cache.
#[derive(Debug)]
pub struct Listener {
    pub(super) pool: PgPool,
    pub(super) cache: Cache,
}

impl Listener {
    /// Runs until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen() => {}
        }
    }

    async fn listen(&self) {
        loop {
            if let Err(error) = self.receive().await {
                tracing::debug!(%error, "no notices of changed rows; they are kept by age alone");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn receive(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen_all([ROWS, GENERATIONS]).await?;
        // What was said before is not known.
        self.cache.forget_all();
        loop {
            match listener.try_recv().await? {
                Some(notice) => match notice::read(notice.channel(), notice.payload()) {
                    Some(Notice::Changed { projection, partition, mark, ids }) => {
                        self.cache.changed(projection, partition, mark, &ids);
                    }
                    Some(Notice::Forget { projection, generation }) => {
                        self.cache.forget(projection, generation);
                    }
                    None => {}
                },
                // The connection was lost and made anew, and notices with it.
                None => self.cache.forget_all(),
            }
        }
    }
}
