//! Rebuild: another generation of a read model, filled from the first event beside the live one,
//! compared with it, and put in its place in one transaction.
//!
//! ```text
//! begin -> fill -> level -> compare -> level -> switch          building -> live -> retired
//!   '-- a run that ends early goes on here --'
//! ```
//!
//! *Level* is the moment at which both stand at the same marks: the live checkpoints are locked, and
//! what is left is applied to the other generation. It is short, because it begins only when little
//! is left; that is the only time at which the live projection waits for a rebuild.

pub mod begin;
pub mod compare;
pub mod fill;
pub mod key;
pub mod level;
mod privileges;
pub mod run;
pub mod switch;

use std::sync::Arc;

use eventlog::{Connection, ReadError, SchemaReader, StartError, registry::RegistryError};
use sqlx::{PgConnection, PgPool};

use crate::{operate, store};

/// What a rebuild needs.
#[derive(Debug, Clone)]
pub struct Context {
    pub pool: PgPool,
    pub connection: Connection,
    pub schemas: Arc<SchemaReader>,
    /// Most records and bytes of one batch.
    pub batch_records_max: usize,
    pub batch_bytes_max: usize,
    /// Most events a second; absent: as fast as it goes.
    pub rate: Option<f64>,
    /// With queries that hold the tables at the switch.
    pub patience: switch::Patience,
}

/// Why a rebuild ended early. What was filled stays, and the next run goes on there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Operate(#[from] operate::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the registry did not answer")]
    Registry(#[from] RegistryError),
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("the log cannot be read")]
    Start(#[from] StartError),
    /// The log gives nothing more, and the live mark is not reached: records are missing.
    #[error("{0}")]
    Missing(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Operate(error.into())
    }
}

pub(crate) fn refused(why: impl Into<String>) -> Error {
    operate::Error::Refused(why.into()).into()
}

/// Runs a statement that names tables of a schema which only this binary chooses.
pub(crate) async fn execute(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
