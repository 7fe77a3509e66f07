//! Several rows by their keys with one statement, hence from one snapshot of one server, and what
//! they were read with.

use sqlx::{FromRow, Row, postgres::PgRow, types::Json};

use super::{
    checkpoint::{Marks, Projection},
    stamp::{MarkRow, Parked},
};

/// Columns of a batch, beside those of its rows: for each key `k.key` of number `k.nth`. What is the
/// same for all comes with the first key.
macro_rules! columns {
    ($projection:literal) => {
        concat!(
            "k.key AS wanted, CASE WHEN k.nth = 1 THEN ",
            $crate::read::stamp::generation!($projection),
            " END AS stamp_generation, CASE WHEN k.nth = 1 THEN ",
            $crate::read::stamp::marks!($projection),
            " END AS stamp_marks, ",
            $crate::read::stamp::parked!($projection, "k.key"),
            " AS stamp_parked"
        )
    };
}
pub(super) use columns;

/// Rows by their keys.
#[derive(Debug, Clone)]
pub struct Batch<T> {
    /// The build that was live; 0 before there was one.
    pub generation: i32,
    /// How far the read model was.
    pub marks: Marks,
    /// One for each key, in no order.
    pub rows: Vec<Keyed<T>>,
}

/// What there is of a key.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    pub key: String,
    /// Absent when there is no such row.
    pub row: Option<T>,
    /// Partition of the event topic that all events of the row come from; absent without a row.
    pub partition: Option<i32>,
    /// Set when events of the key wait behind a dead letter.
    pub parked: Option<Parked>,
}

impl<T: for<'r> FromRow<'r, PgRow>> Batch<T> {
    /// Gathers the rows of a statement with these columns; `key` is null where there is no row.
    pub(super) fn of(
        rows: &[PgRow],
        projection: Projection,
        key: &str,
    ) -> Result<Self, sqlx::Error> {
        let mut batch = Self { generation: 0, marks: Marks::default(), rows: Vec::new() };
        for row in rows {
            if let Some(generation) = row.try_get("stamp_generation")? {
                batch.generation = generation;
            }
            if let Some(Json(marks)) =
                row.try_get::<Option<Json<Vec<MarkRow>>>, _>("stamp_marks")?
            {
                batch.marks = Marks::of_rows(projection, marks);
            }
            let parked: Option<Json<Parked>> = row.try_get("stamp_parked")?;
            let is_there = row.try_get::<Option<&str>, _>(key)?.is_some();
            batch.rows.push(Keyed {
                key: row.try_get("wanted")?,
                row: is_there.then(|| T::from_row(row)).transpose()?,
                partition: row.try_get("source_partition")?,
                parked: parked.map(|Json(parked)| parked),
            });
        }
        Ok(batch)
    }
}
