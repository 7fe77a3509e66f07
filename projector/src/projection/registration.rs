//! Projections without their types, so that all of them stand in one list.

use std::{fmt::Debug, marker::PhantomData};

use eventlog::{Partition, SchemaReader, StartError};
use events::{Topic, position::Mark};
use futures::future::BoxFuture;
use sqlx::PgPool;

use super::{Projection, Table};
use crate::{
    letters::{
        Filter,
        redrive::{self, Key, Outcome},
        show::{self, Shown},
    },
    operate::{self, Operator, Target, change::Changed, reset},
    rebuild::{
        self, begin, key,
        run::{self, Report, Watch, Wish},
    },
    runner::{self, Context, Running},
};

/// One projection of this binary.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    pub name: &'static str,
    pub topics: &'static [Topic],
    pub tables: &'static [Table],
    /// What needs the projection's types.
    pub operations: &'static dyn Operations,
}

/// What can be done with a projection; each function says more where it is defined.
pub trait Operations: Debug + Send + Sync {
    /// Starts its runner.
    ///
    /// # Errors
    /// When the Kafka client or the thread cannot be made.
    fn start(&self, context: Context) -> Result<Running, StartError>;

    /// [`reset::reset`].
    fn reset<'a>(
        &self,
        pool: &'a PgPool,
        target: &'a Target,
        at: Option<Mark>,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Vec<Changed>, operate::Error>>;

    /// [`show::show`].
    fn show<'a>(
        &self,
        pool: &'a PgPool,
        schemas: &'a SchemaReader,
        partition: &'a Partition,
        offset: i64,
    ) -> BoxFuture<'a, sqlx::Result<Option<Shown>>>;

    /// [`redrive::keys`].
    fn parked_keys<'a>(
        &self,
        pool: &'a PgPool,
        filter: &'a Filter,
        after: Option<&'a Key>,
    ) -> BoxFuture<'a, sqlx::Result<Vec<Key>>>;

    /// [`redrive::redrive`].
    fn redrive<'a>(
        &self,
        pool: &'a PgPool,
        schemas: &'a SchemaReader,
        key: &'a Key,
        is_dry: bool,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Outcome, redrive::Error>>;

    /// [`run::run`].
    fn rebuild<'a>(
        &self,
        context: &'a rebuild::Context,
        wish: Wish,
        by: &'a Operator,
        watch: &'a Watch,
    ) -> BoxFuture<'a, Result<Report, rebuild::Error>>;

    /// [`key::rebuild_key`].
    fn rebuild_key<'a>(
        &self,
        context: &'a rebuild::Context,
        partition: &'a Partition,
        key: &'a str,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<key::Outcome, rebuild::Error>>;

    /// [`begin::discard`].
    fn discard<'a>(
        &self,
        pool: &'a PgPool,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Option<i32>, rebuild::Error>>;
}

#[derive(Debug)]
struct Of<P>(PhantomData<P>);

impl Registration {
    pub fn of<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            topics: P::TOPICS,
            tables: P::TABLES,
            operations: &Of::<P>(PhantomData),
        }
    }
}

impl<P: Projection> Operations for Of<P> {
    fn start(&self, context: Context) -> Result<Running, StartError> {
        runner::start::<P>(context)
    }

    fn reset<'a>(
        &self,
        pool: &'a PgPool,
        target: &'a Target,
        at: Option<Mark>,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Vec<Changed>, operate::Error>> {
        Box::pin(reset::reset::<P>(pool, target, at, by))
    }

    fn show<'a>(
        &self,
        pool: &'a PgPool,
        schemas: &'a SchemaReader,
        partition: &'a Partition,
        offset: i64,
    ) -> BoxFuture<'a, sqlx::Result<Option<Shown>>> {
        Box::pin(show::show::<P>(pool, schemas, partition, offset))
    }

    fn parked_keys<'a>(
        &self,
        pool: &'a PgPool,
        filter: &'a Filter,
        after: Option<&'a Key>,
    ) -> BoxFuture<'a, sqlx::Result<Vec<Key>>> {
        Box::pin(redrive::keys::<P>(pool, filter, after))
    }

    fn redrive<'a>(
        &self,
        pool: &'a PgPool,
        schemas: &'a SchemaReader,
        key: &'a Key,
        is_dry: bool,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Outcome, redrive::Error>> {
        Box::pin(redrive::redrive::<P>(pool, schemas, key, is_dry, by))
    }

    fn rebuild<'a>(
        &self,
        context: &'a rebuild::Context,
        wish: Wish,
        by: &'a Operator,
        watch: &'a Watch,
    ) -> BoxFuture<'a, Result<Report, rebuild::Error>> {
        Box::pin(run::run::<P>(context, wish, by, watch))
    }

    fn rebuild_key<'a>(
        &self,
        context: &'a rebuild::Context,
        partition: &'a Partition,
        key: &'a str,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<key::Outcome, rebuild::Error>> {
        Box::pin(key::rebuild_key::<P>(context, partition, key, by))
    }

    fn discard<'a>(
        &self,
        pool: &'a PgPool,
        by: &'a Operator,
    ) -> BoxFuture<'a, Result<Option<i32>, rebuild::Error>> {
        Box::pin(begin::discard::<P>(pool, by))
    }
}
