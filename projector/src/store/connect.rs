//! Connections to PostgreSQL.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How long one statement may take before PostgreSQL ends it.
const STATEMENT_MS_MAX: &str = "30000";

/// How long a transaction may wait for its client. A runner that was frozen inside a transaction
/// holds the locks of its checkpoints; without this bound no other runner could take over.
const IDLE_IN_TRANSACTION_MS_MAX: &str = "5000";

/// A pool that connects at its first use, so that a start does not depend on PostgreSQL.
///
/// # Errors
/// When the URL is no PostgreSQL URL.
pub fn pool(url: &str, connections_max: u32) -> sqlx::Result<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    // sqlx asks whether a statement would be logged, and that question makes the subscriber swallow
    // the next record of the thread (tokio-rs/tracing#2519): here the ones about failures.
    let options = options.disable_statement_logging();
    let options = options.application_name("projector").options([
        ("statement_timeout", STATEMENT_MS_MAX),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS_MAX),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(options))
}
