//! Deletes what nobody asks for any more. Every instance sweeps; a lock gives each piece to one of them.

pub mod changes;
pub mod outcomes;

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Time between two sweeps.
const PERIOD: Duration = Duration::from_secs(5);
/// Rows that one transaction deletes at most.
const ROWS_MAX: usize = 5_000;

/// How long rows are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) changes: Duration,
    pub(crate) outcomes: Duration,
}

/// Sweeps until the stop. While PostgreSQL does not answer nothing is deleted.
pub(crate) async fn keep(pool: PgPool, ages: Ages, stop: CancellationToken) {
    let mut every = tokio::time::interval(PERIOD);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let sweep = async {
            changes::sweep(&pool, ages.changes).await?;
            outcomes::sweep(&pool, ages.outcomes).await
        };
        if let Some(Err(error)) = stop.run_until_cancelled(sweep).await {
            tracing::debug!(%error, "Old rows could not be deleted.");
        }
    }
}
