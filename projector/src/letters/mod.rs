//! Dead letters for operators: looked at, applied again, or dropped.
//!
//! All of it concerns the live builds. A build beside has letters of its own, which go with it.

pub mod drop;
pub mod find;
pub mod read;
pub mod redrive;
pub mod show;

use eventlog::Partition;
use sqlx::{Postgres, QueryBuilder};

/// Which letters; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub projection: Option<String>,
    /// Record key.
    pub key: Option<Vec<u8>>,
    /// Error class.
    pub class: Option<String>,
    pub partition: Option<Partition>,
    /// Kafka offset of one letter.
    pub offset: Option<i64>,
}

impl Filter {
    /// Adds the conditions on `dead_letters d` to a statement that has others.
    fn and(&self, statement: &mut QueryBuilder<Postgres>) {
        if let Some(projection) = &self.projection {
            statement.push(" AND d.projection = ").push_bind(projection.clone());
        }
        if let Some(key) = &self.key {
            statement.push(" AND d.key = ").push_bind(key.clone());
            statement.push(" AND sha256(d.key) = sha256(").push_bind(key.clone()).push(")");
        }
        if let Some(class) = &self.class {
            statement.push(" AND d.error_class = ").push_bind(class.clone());
        }
        if let Some(offset) = self.offset {
            statement.push(" AND d.kafka_offset = ").push_bind(offset);
        }
        crate::operate::and_partition(statement, "d", self.partition.as_ref());
    }
}
