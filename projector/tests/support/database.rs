//! A real PostgreSQL with the tables of the read models.

use std::time::Duration;

use devstack::{Options, Parts, Stack};
use projector::{migrate, store::connect};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL alone, thrown away with this.
pub struct Database {
    pub stack: Stack,
    pub pool: PgPool,
}

impl Database {
    pub async fn start() -> Self {
        let parts = Parts { postgres: true, ..Parts::NONE };
        let stack = Stack::start(Options { parts, ..Options::default() }).await.expect("a stack");
        let pool = connect::pool(&stack.postgres_url(), 4).expect("a pool");
        migrate::apply(&pool).await.expect("migrations");
        Self { stack, pool }
    }

    pub async fn stop(self) {
        self.pool.close().await;
        self.stack.stop().await;
    }
}

/// Waits until `probe` gives something, and fails with `what` when that takes too long.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
