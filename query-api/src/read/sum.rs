//! Sums that may be beyond 64 bits: `numeric` in PostgreSQL, which gives them as text.

use sqlx::{Row, postgres::PgRow};

/// Reads a sum of whole numbers.
pub(super) fn parse(text: &str) -> Result<i128, sqlx::Error> {
    text.parse().map_err(|error: std::num::ParseIntError| sqlx::Error::Decode(error.into()))
}

/// The same from a column.
pub(super) fn column(row: &PgRow, name: &str) -> Result<i128, sqlx::Error> {
    parse(row.try_get(name)?)
}
