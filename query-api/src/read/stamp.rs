//! What a row is read with: how far its read model is, and whether its key waits behind a dead letter.
//!
//! All three come from one statement, hence from one snapshot of one server. So a stamp says exactly
//! what its row shows, whichever server answered, and however much later somebody looks at it.

use chrono::{DateTime, Utc};
use events::{Position, ShardId, Topic, position::Mark};
use serde::{Deserialize, Serialize};
use sqlx::{Row, postgres::PgRow, types::Json};
use utoipa::ToSchema;

use super::checkpoint::{Marks, Projection};

/// The live build of a projection.
macro_rules! generation {
    ($projection:literal) => {
        concat!(
            "(SELECT generation FROM generations
              WHERE projection = '",
            $projection,
            "' AND state = 'live')"
        )
    };
}

/// The marks of a projection.
macro_rules! marks {
    ($projection:literal) => {
        concat!(
            "(SELECT json_agg(json_build_array(topic, partition, incarnation, link_sequence))
              FROM live_checkpoints
              WHERE projection = '",
            $projection,
            "')"
        )
    };
}

/// The dead letter behind which a key waits.
macro_rules! parked {
    ($projection:literal, $key:literal) => {
        concat!(
            "(SELECT json_build_object('topic', topic, 'partition', partition,
                         'incarnation', incarnation, 'link_sequence', link_sequence,
                         'since', parked_at)
              FROM live_parked_keys
              WHERE projection = '",
            $projection,
            "' AND key_hash = sha256(convert_to(",
            $key,
            ", 'UTF8'))
              ORDER BY parked_at LIMIT 1)"
        )
    };
}
pub(super) use {generation, marks, parked};

/// Columns that make a [`Stamp`] of one projection, for the key `$1`.
macro_rules! columns {
    ($projection:literal) => {
        concat!(
            $crate::read::stamp::generation!($projection),
            " AS stamp_generation, ",
            $crate::read::stamp::marks!($projection),
            " AS stamp_marks, ",
            $crate::read::stamp::parked!($projection, "$1::text"),
            " AS stamp_parked"
        )
    };
}
pub(super) use columns;

/// A row, unless there is none, and what it was read with.
#[derive(Debug, Clone)]
pub struct Stamped<T> {
    pub row: Option<T>,
    /// Partition of the event topic that all events of the row come from; absent without a row.
    pub partition: Option<i32>,
    pub stamp: Stamp,
}

/// How far a read model was when one of its rows was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub projection: Projection,
    /// The build that was live; 0 before there was one.
    pub generation: i32,
    pub marks: Marks,
    /// Set when events of the row's key wait behind a dead letter, so that the row is older than the
    /// marks.
    pub parked: Option<Parked>,
}

/// Topic, partition, incarnation, link sequence.
pub(super) type MarkRow = (String, i32, i64, i64);

/// The head of the queue of a parked key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parked {
    #[schema(example = "orders.events.v1")]
    pub topic: String,
    pub partition: i32,
    pub incarnation: i64,
    /// Place of the dead letter in the link from the key's shard to its event partition.
    pub link_sequence: i64,
    /// When it was put aside.
    #[schema(value_type = String, format = "date-time")]
    pub since: DateTime<Utc>,
}

impl Parked {
    /// Whether the row may lack what one of the positions stands for, although the read model has
    /// passed it: the position does not lie before the dead letter.
    pub fn hides(&self, positions: &[Position]) -> bool {
        let head = Mark { incarnation: self.incarnation, link_sequence: self.link_sequence };
        let shard = match Topic::of_name(&self.topic) {
            Some(Topic::Events(kind) | Topic::Outcomes(kind)) => {
                Some(ShardId::new(kind, self.partition))
            }
            _ => None,
        };
        positions.iter().any(|position| position.shard() == shard && position.mark() >= head)
    }
}

impl Stamp {
    /// The position among these that the read model has not passed, if there is one.
    pub fn behind<'a>(&self, positions: &'a [Position]) -> Option<&'a Position> {
        positions.iter().find(|position| !self.marks.passed(self.projection, position))
    }

    /// The mark in a partition of the events topic that makes up the rows.
    pub fn mark(&self, partition: i32) -> Mark {
        self.marks.of_partition(self.projection, partition)
    }

    pub(super) fn of(row: &PgRow, projection: Projection) -> Result<Self, sqlx::Error> {
        let generation: Option<i32> = row.try_get("stamp_generation")?;
        let marks: Option<Json<Vec<MarkRow>>> = row.try_get("stamp_marks")?;
        let parked: Option<Json<Parked>> = row.try_get("stamp_parked")?;
        Ok(Self {
            projection,
            generation: generation.unwrap_or_default(),
            marks: Marks::of_rows(projection, marks.map(|Json(rows)| rows).unwrap_or_default()),
            parked: parked.map(|Json(parked)| parked),
        })
    }
}
