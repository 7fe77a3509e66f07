//! Why a read gave no rows.

use std::{io, sync::Arc};

/// What the caller tells apart: come back later, or look at the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// PostgreSQL cannot be reached, is starting or stopping, or has no connection to spare.
    #[error("PostgreSQL cannot be reached")]
    Unreachable(#[source] Arc<sqlx::Error>),
    /// PostgreSQL took longer than the configured time.
    #[error("PostgreSQL did not answer in time")]
    Slow,
    /// The tables are not there: the migrations have not run yet.
    #[error("the read models do not exist yet: run the projector, which makes them")]
    NotMigrated(#[source] Arc<sqlx::Error>),
    /// A row or a statement is not what this program expects; waiting does not help.
    #[error("a read model could not be read")]
    Broken(#[source] Arc<sqlx::Error>),
    /// The kept events of an order do not make up an order.
    #[error("the kept events of the order cannot be folded: {0}")]
    Unfoldable(String),
    /// The row could not be written as JSON.
    #[error("the answer could not be written")]
    Unwritable(#[source] Arc<serde_json::Error>),
}

impl Error {
    /// Whether the same read may succeed later without anybody changing the program.
    pub fn is_passing(&self) -> bool {
        !matches!(self, Error::Broken(_) | Error::Unfoldable(_) | Error::Unwritable(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        // Shared, because several requests may have waited for the same read.
        let error = Arc::new(error);
        match &*error {
            E::Database(database) => match database.code().as_deref() {
                // query_canceled: the statement timeout, or an operator.
                Some("57014") => Error::Slow,
                // undefined_table, undefined_column.
                Some("42P01" | "42703") => Error::NotMigrated(error),
                Some(code) if is_passing_class(code) => Error::Unreachable(error),
                _ => Error::Broken(error),
            },
            E::Io(_)
            | E::Tls(_)
            | E::Protocol(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed => Error::Unreachable(error),
            _ => Error::Broken(error),
        }
    }
}

/// Whether the connection is gone, and with it only what it was doing.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Io(_) | E::Tls(_) | E::Protocol(_) => true,
        // connection exception; admin_shutdown, crash_shutdown, cannot_connect_now,
        // idle_session_timeout.
        E::Database(database) => database.code().is_some_and(|code| {
            code.starts_with("08") || ["57P01", "57P02", "57P03", "57P05"].contains(&&*code)
        }),
        _ => false,
    }
}

/// Whether a server that cannot be connected to now may take a connection in a moment.
pub(super) fn is_no_time_to_connect(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        // cannot_connect_now: it starts; too_many_connections.
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| ["57P03", "53300"].contains(&&*code))
        }
        _ => false,
    }
}

/// The classes of SQLSTATE that say something of the server's condition and nothing of our
/// statement: connection exception, invalid authorisation, insufficient resources, operator
/// intervention, system error; and `invalid_catalog_name`, a database that is being made.
fn is_passing_class(code: &str) -> bool {
    code == "3D000" || ["08", "28", "53", "57", "58"].iter().any(|class| code.starts_with(class))
}
