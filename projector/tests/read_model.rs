//! The worked example of docs/read-models.md: what a new read model takes, and how it is tested.

mod support;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{
    Event, Kind, Topic,
    order::{OrderPlaced, OrderShipped},
};
use projector::{
    fact::{Fact, Unfit},
    fold::Read,
    intake::Intake,
    kit::Given,
    link::{Checkpoint, Link},
    projection::{Projection, Table},
    store::{Owner, apply, checkpoint, generation},
};
use sqlx::PgConnection;
use support::{database::Database, history, shard::outputs};

/// Read model `shipments`: which parcel holds an order.
#[derive(Debug)]
struct Shipments;

/// A row of `shipments`.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Shipment {
    order_id: String,
    reference: String,
    shipped_at: DateTime<Utc>,
    source_partition: i32,
}

/// In `migrations/`, in a file of its own.
const MIGRATION: &str = "
    CREATE TABLE shipments (
        order_id         text        NOT NULL COLLATE \"C\",
        reference        text        NOT NULL,
        shipped_at       timestamptz NOT NULL,
        source_partition integer     NOT NULL,
        CONSTRAINT shipments_pkey PRIMARY KEY (order_id)
    )";

impl Projection for Shipments {
    const NAME: &'static str = "shipments";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Orders)];
    const TABLES: &'static [Table] = &[Table::new("shipments", &["order_id"])];

    type Body = Event;
    type Rows = Shipment;

    fn key(event: &Event) -> Option<&str> {
        match event {
            Event::OrderShipped(event) => Some(&event.order_id),
            _ => None,
        }
    }

    fn fold(row: &mut Option<Shipment>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match (&fact.body, row) {
            (Event::OrderShipped(event), row @ None) => {
                *row = Some(Shipment {
                    order_id: event.order_id.clone(),
                    reference: event.reference.clone(),
                    shipped_at: fact.at,
                    source_partition: fact.source.partition.number,
                });
                Ok(())
            }
            (Event::OrderShipped(_), Some(_)) => Err(Unfit::Exists),
            _ => Err(Unfit::Stranger),
        }
    }

    async fn load(
        connection: &mut PgConnection,
        order_ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, Shipment>> {
        let rows: Vec<Shipment> =
            sqlx::query_as("SELECT * FROM shipments WHERE order_id = ANY($1)")
                .bind(order_ids)
                .fetch_all(connection)
                .await?;
        Ok(rows.into_iter().map(|row| (row.order_id.clone(), row)).collect())
    }

    async fn store(connection: &mut PgConnection, rows: &[&Shipment]) -> sqlx::Result<()> {
        let column = rows.iter();
        sqlx::query(
            "INSERT INTO shipments
             SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::integer[])",
        )
        .bind(column.clone().map(|row| row.order_id.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|row| row.reference.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|row| row.shipped_at).collect::<Vec<_>>())
        .bind(column.map(|row| row.source_partition).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn remove(connection: &mut PgConnection, order_ids: &[&str]) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM shipments WHERE order_id = ANY($1)")
            .bind(order_ids)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM shipments WHERE source_partition = $1")
            .bind(partition.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn shipped() -> Event {
    OrderShipped { order_id: "o-1".to_owned(), reference: "parcel 7".to_owned(), lines: vec![] }
        .into()
}

fn placed() -> Event {
    OrderPlaced {
        order_id: "o-1".to_owned(),
        customer_id: None,
        currency: "EUR".to_owned(),
        lines: vec![],
    }
    .into()
}

#[test]
fn an_order_that_is_shipped_has_its_parcel_and_no_other_event_changes_that() {
    Given::<Shipments>::nothing()
        .when(placed())
        .then_none("o-1")
        .when(shipped())
        .then("o-1", |row| assert_eq!(row.reference, "parcel 7"))
        .when(placed())
        .then("o-1", |row| assert_eq!(row.reference, "parcel 7"));
}

#[test]
fn an_order_is_shipped_once() {
    let unfit = Given::<Shipments>::events([placed(), shipped()]).when(shipped()).then_unfit();
    assert_eq!(unfit, Unfit::Exists);
}

#[tokio::test]
async fn checkpoints_batches_and_generations_come_with_the_projector() {
    let database = Database::start().await;
    let pool = &database.pool;
    sqlx::query(MIGRATION).execute(pool).await.expect("the migration");
    let partition = Partition::of(Topic::Events(Kind::Orders), 0);
    let outputs = outputs(events::ShardId::new(Kind::Orders, 0), &history::orders("o", 21));
    let owner = generation::live(pool, Shipments::NAME).await.expect("a generation");
    assert_eq!(owner, Owner::live("shipments", 1));
    let begin = Checkpoint::default();
    checkpoint::load(pool, owner, std::slice::from_ref(&partition)).await.expect("a checkpoint");
    let mut intake = Intake::new(partition.clone(), begin, Link::new(begin));
    for (offset, output) in (0..).zip(&outputs) {
        intake.admit(output.record(&partition, offset));
    }
    let slice = intake.take().expect("a slice");
    let facts = (0..).zip(&outputs).map(|(offset, output)| Ok(output.fact(&partition, offset)));
    let batch = [Read { contents: facts.collect(), slice }];
    let applied = apply::<Shipments>(pool, owner, &batch).await.expect("applied");
    assert_eq!(applied.facts_count, 3, "one of seven orders is shipped");
    let mut connection = pool.acquire().await.expect("a connection");
    let rows = Shipments::load(&mut connection, &["o-0", "o-1", "o-7"]).await.expect("rows");
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["o-0", "o-7"]);
    Shipments::clear(&mut connection, &partition).await.expect("cleared");
    assert!(Shipments::load(&mut connection, &["o-0"]).await.expect("rows").is_empty());
    drop(connection);
    database.stop().await;
}
