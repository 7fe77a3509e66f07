//! Read model `orders`: orders as they stand, their lines, and everything that happened to them.

mod changes;
mod history;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use eventlog::Partition;
use events::{Event, Kind, Topic};
use sqlx::PgConnection;

pub use history::{After, Happening};
use readmodel::order::{self, Happened};
pub use readmodel::order::{Line, Order};

use super::{Projection, Table};
use crate::{
    change::Change,
    fact::{Fact, Unfit},
};

/// The projection.
#[derive(Debug)]
pub struct Orders;

/// All rows of one order, with what is to be added to its history.
pub type OrderRows = order::OrderRows<Happening>;

/// `origin` is among them because rows from before it was kept have none.
const HISTORY_HINTS: &[&str] = &["kafka_offset", "origin", "applied_at"];

impl Projection for Orders {
    const NAME: &'static str = "orders";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Orders)];
    const TABLES: &'static [Table] = &[
        Table::new("orders", &["order_id"]),
        Table::new("order_lines", &["order_id", "line"]),
        Table { hints: HISTORY_HINTS, ..Table::new("order_history", &["order_id", "version"]) },
    ];

    type Body = Event;
    type Rows = OrderRows;

    fn key(event: &Event) -> Option<&str> {
        Some(event.key())
    }

    fn fold(rows: &mut Option<OrderRows>, fact: &Fact<Event>) -> Result<(), Unfit> {
        let happening = Happening::of(fact)?;
        let partition = fact.source.partition.number;
        let happened =
            Happened { event: &fact.body, at: fact.at, version: fact.version, partition };
        order::fold(rows, &happened, happening)?;
        if let Some(rows) = rows
            && let Some(happening) = rows.happenings.last_mut()
        {
            happening.after = After::from(&rows.order);
        }
        Ok(())
    }

    async fn load(
        connection: &mut PgConnection,
        order_ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, OrderRows>> {
        sql::load(connection, order_ids).await
    }

    async fn store(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
        sql::store(connection, rows).await
    }

    fn changes(rows: &OrderRows) -> Vec<Change> {
        changes::of(rows)
    }

    async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
        sql::remove(connection, order_ids).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sql::clear(connection, partition.number).await
    }
}
