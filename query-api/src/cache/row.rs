//! A row as it is kept: the bytes that answer it, and what they show.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use events::{Kind, Position, ShardId, position::Mark};
use serde::{Deserialize, Serialize};

use crate::read::{
    Error,
    batch::{Batch, Keyed},
    checkpoint::{Marks, Projection},
    stamp::{Parked, Stamped},
};

/// Which row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// `Orders` or `Products`: those with one row to a key.
    pub projection: Projection,
    pub id: Arc<str>,
}

impl Key {
    pub fn order(order_id: &str) -> Self {
        Self { projection: Projection::Orders, id: order_id.into() }
    }

    pub fn product(sku: &str) -> Self {
        Self { projection: Projection::Products, id: sku.into() }
    }
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The answer's body.
    pub body: Bytes,
    pub facts: Facts,
    /// When it was read.
    pub read_at: Instant,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub version: i64,
    pub generation: i32,
    /// Partition that the row's events come from.
    pub partition: i32,
    /// How far the read model was in that partition.
    pub mark: Mark,
    pub parked: Option<Parked>,
}

/// What a database said about a key.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub row: Option<Arc<Row>>,
    pub generation: i32,
    pub parked: Option<Parked>,
    /// Where there is no row: how far the read model was.
    pub missing_at: Option<Marks>,
}

impl Row {
    /// Whether the row shows all that the positions stand for, as far as they concern it.
    pub fn shows(&self, projection: Projection, positions: &[Position]) -> bool {
        let shard = kind(projection).map(|kind| ShardId::new(kind, self.facts.partition));
        let is_passed = |position: &Position| {
            position.shard() != shard || position.is_passed_by(self.facts.mark)
        };
        positions.iter().all(is_passed) && !self.is_hidden(positions)
    }

    fn is_hidden(&self, positions: &[Position]) -> bool {
        self.facts.parked.as_ref().is_some_and(|parked| parked.hides(positions))
    }

    /// Whether it was read after the row changed at this mark.
    pub(super) fn reached(&self, partition: i32, mark: Mark) -> bool {
        self.facts.partition == partition && self.facts.mark >= mark
    }
}

impl Loaded {
    /// Writes what was read as the answer that it becomes.
    pub(super) fn of<T: Serialize>(
        stamped: Stamped<T>,
        version: impl FnOnce(&T) -> i64,
    ) -> Result<Self, Error> {
        let Stamped { row, partition, stamp } = stamped;
        let generation = stamp.generation;
        let Some((row, partition)) = row.zip(partition) else {
            let (parked, missing_at) = (stamp.parked, Some(stamp.marks));
            return Ok(Self { row: None, generation, parked, missing_at });
        };
        let mark = stamp.mark(partition);
        let (version, parked) = (version(&row), stamp.parked);
        let facts = Facts { version, generation, partition, mark, parked };
        Self::written(&row, facts)
    }

    /// The same for each row of a batch.
    pub(super) fn of_batch<T: Serialize>(
        projection: Projection,
        batch: Batch<T>,
        version: impl Fn(&T) -> i64,
    ) -> Result<Vec<(Key, Self)>, Error> {
        let Batch { generation, marks, rows } = batch;
        let loaded = rows.into_iter().map(|Keyed { key, row, partition, parked }| {
            let key = Key { projection, id: key.into() };
            let Some((row, partition)) = row.zip(partition) else {
                let missing_at = Some(marks.clone());
                return Ok((key, Self { row: None, generation, parked, missing_at }));
            };
            let mark = marks.of_partition(projection, partition);
            let facts = Facts { version: version(&row), generation, partition, mark, parked };
            Ok((key, Self::written(&row, facts)?))
        });
        loaded.collect()
    }

    fn written(row: &impl Serialize, facts: Facts) -> Result<Self, Error> {
        let body = serde_json::to_vec(row).map_err(|error| Error::Unwritable(Arc::new(error)))?;
        let (generation, parked) = (facts.generation, facts.parked.clone());
        let row = Row { body: body.into(), facts, read_at: Instant::now() };
        Ok(Self { row: Some(Arc::new(row)), generation, parked, missing_at: None })
    }
}

/// Whether rows of the read model are kept here at all.
pub(super) fn is_kept(projection: Projection) -> bool {
    matches!(projection, Projection::Orders | Projection::Products)
}

/// The kind of the shards whose events make up the rows; absent for read models whose rows are not
/// kept.
fn kind(projection: Projection) -> Option<Kind> {
    projection.kind().filter(|_| is_kept(projection))
}
