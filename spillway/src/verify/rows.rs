//! Compares the rows of the read models with the fold of their events.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{Kind, Topic, command::Parameters, position::Mark};
use futures::TryStreamExt as _;
use projector::projection::registered;
use serde::Serialize;
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    compare::Held,
    expected_rows::{
        LineRow, OrderRow, OutcomeRow, ProductRow, line_rows, order_row, outcome_row, product_row,
    },
    history::HistoryRow,
    report::Report,
    strays,
};

/// One moment of all read models.
pub(super) struct Rows {
    pub(super) moment: Transaction<'static, Postgres>,
}

/// How far each projection is: by name, topic and partition.
pub(super) struct Marks(BTreeMap<(String, String, i32), Mark>);

impl Marks {
    /// The marks of all projections that read the topic.
    pub(super) fn of(&self, topic: Topic, partition: &Partition) -> BTreeMap<&'static str, Mark> {
        let readers = registered().into_iter().filter(|reader| reader.topics.contains(&topic));
        let mark = |name: &str| {
            let place = (name.to_owned(), partition.topic.to_string(), partition.number);
            self.0.get(&place).copied().unwrap_or_default()
        };
        readers.map(|reader| (reader.name, mark(reader.name))).collect()
    }
}

impl Rows {
    /// Opens one moment: everything read later is of the same instant. The tables are held first,
    /// because a name means another table once generations were switched, and the moment would not
    /// hold the rows of one that was filled after it.
    pub(super) async fn open(database_url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions =
            database_url.parse().context("the URL of the read models' PostgreSQL")?;
        let pool: PgPool = PgPoolOptions::new()
            .max_connections(1)
            // Who it is that holds the tables, to whoever wants to switch them.
            .connect_with(options.application_name("spillway verify"))
            .await
            .context("the read models' PostgreSQL cannot be reached")?;
        let mut moment = pool
            .begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .context("the read models cannot be read")?;
        // In the order in which a switch takes them. It reads nothing, which would fix the moment.
        let tables = registered().into_iter().flat_map(|reader| reader.tables);
        let tables: Vec<String> = tables.map(|table| format!("public.{}", table.name)).collect();
        let hold = format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "));
        sqlx::query(AssertSqlSafe(hold))
            .execute(&mut *moment)
            .await
            .context("the read models' tables cannot be read: has a projector run?")?;
        Ok(Self { moment })
    }

    /// How far each projection is.
    pub(super) async fn marks(&mut self) -> anyhow::Result<Marks> {
        let rows: Vec<(String, String, i32, i64, i64)> = sqlx::query_as(
            "SELECT projection, topic, partition, incarnation, link_sequence
               FROM live_checkpoints",
        )
        .fetch_all(&mut *self.moment)
        .await
        .context("checkpoints cannot be read: has a projector run?")?;
        let mark = |(projection, topic, partition, incarnation, link_sequence)| {
            ((projection, topic, partition), Mark { incarnation, link_sequence })
        };
        Ok(Marks(rows.into_iter().map(mark).collect()))
    }

    /// Compares the rows that one event partition feeds.
    pub(super) async fn compare_events(
        &mut self,
        kind: Kind,
        partition: &Partition,
        held: &Held,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let projections: &[&str] = match kind {
            Kind::Orders => &["orders", "customers", "sales"],
            Kind::Products => &["products"],
        };
        for projection in projections {
            let parked = self.parked(projection, partition).await?;
            report.counts.parked += parked.len() as u64;
            let number = partition.number;
            match *projection {
                "customers" => self.compare_customers(number, held, &parked, report).await?,
                "sales" => self.compare_sales(number, held, &parked, report).await?,
                "products" => self.compare_products(number, held, &parked, report).await?,
                _ => self.compare_orders(number, held, &parked, report).await?,
            }
        }
        Ok(())
    }

    async fn compare_orders(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let found: Vec<OrderRow> = sqlx::query_as(
            "SELECT order_id, customer_id, currency, status, total_amount, payment_deadline,
                    refund_due_amount, placed_at, updated_at, version
               FROM orders WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let lines: Vec<LineRow> = sqlx::query_as(
            "SELECT l.order_id, l.line, l.sku, l.quantity, l.unit_price_max, l.unit_price,
                    l.refusal, l.available, l.placed_at
               FROM order_lines l JOIN orders o USING (order_id)
              WHERE o.source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        report.counts.orders += held.fold.projected("orders").orders.len() as u64;
        let folded = || {
            held.fold.projected("orders").orders.iter().filter(|(key, _)| !parked.contains(*key))
        };
        let expected = folded().map(|(_, folded)| order_row(folded));
        differences("orders", expected, found, |row| row.order_id.clone(), parked, report);
        let expected = folded().flat_map(|(_, folded)| line_rows(folded));
        let key = |row: &LineRow| format!("{} line {}", row.order_id, row.line);
        let lines = lines.into_iter().filter(|row| !parked.contains(&row.order_id)).collect();
        differences("order_lines", expected, lines, key, parked, report);
        self.compare_history(partition, held, parked, report).await
    }

    /// Row by row as PostgreSQL gives them: bodies are not held in memory.
    async fn compare_history(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let orders = &held.fold.projected("orders").orders;
        let mut rows = sqlx::query_as::<_, HistoryRow>(
            "SELECT h.order_id, h.version, h.type, h.body, h.at, h.topic, h.partition,
                    h.link_sequence, h.command_id
               FROM order_history h JOIN orders o USING (order_id)
              WHERE o.source_partition = $1",
        )
        .bind(partition)
        .fetch(&mut *self.moment);
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        while let Some(row) = rows.try_next().await? {
            if parked.contains(&row.order_id) {
                continue;
            }
            let place = || format!("order_history {} version {}", row.order_id, row.version);
            let index = usize::try_from(row.version - 1).ok();
            let history = orders.get(&row.order_id).map(|folded| &folded.history);
            match history.zip(index).and_then(|(history, index)| history.get(index)) {
                Some(digest) if *digest == row.digest() => report.counts.rows += 1,
                Some(_) => {
                    let detail = format!("its event does not give the row {}", row.text());
                    report.violation("row-differs", place(), detail);
                }
                None => {
                    let detail = format!("no event gives the row {}", row.text());
                    report.violation("row-unexpected", place(), detail);
                    continue;
                }
            }
            *found.entry(row.order_id).or_default() += 1;
        }
        // A key holds each version once, so the count tells whether all are there.
        for (order_id, folded) in orders.iter().filter(|(id, _)| !parked.contains(*id)) {
            let (found, all) = (found.get(order_id).copied().unwrap_or(0), folded.history.len());
            if found < all {
                let detail = format!("{found} rows stand there, but the order has {all} events");
                report.violation("row-missing", format!("order_history {order_id}"), detail);
            }
        }
        Ok(())
    }

    async fn compare_products(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let found: Vec<ProductRow> = sqlx::query_as(
            "SELECT sku, name, price_amount, currency, on_hand, reserved, active,
                    low_stock_threshold, registered_at, updated_at, version
               FROM products WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let products = &held.fold.projected("products").products;
        report.counts.products += products.len() as u64;
        let folded = products.iter();
        let expected =
            folded.filter(|(sku, _)| !parked.contains(*sku)).map(|(_, folded)| product_row(folded));
        differences("products", expected, found, |row| row.sku.clone(), parked, report);
        Ok(())
    }

    /// Compares the outcomes that one outcome partition still holds; older rows outlive it.
    pub(super) async fn compare_outcomes(
        &mut self,
        kind: Kind,
        partition: &Partition,
        held: &Held,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let parked = self.parked("outcomes", partition).await?;
        let found: Vec<OutcomeRow> = sqlx::query_as(
            "SELECT command_id::text AS command_id, kind, key, command, caller, status, version,
                    refusal, order_summary, position, decided_at
               FROM outcomes WHERE source_partition = $1 AND kind = $2",
        )
        .bind(partition.number)
        .bind(kind.as_str())
        .fetch_all(&mut *self.moment)
        .await?;
        // What was decided earlier may be deleted, or not yet.
        let swept: Option<DateTime<Utc>> =
            sqlx::query_scalar("SELECT before FROM swept WHERE projection = 'outcomes'")
                .fetch_optional(&mut *self.moment)
                .await?;
        let is_compared = |row: &OutcomeRow| {
            held.outcomes.contains_key(&row.command_id)
                && !parked.contains(&row.key)
                && row.decided_at >= swept
        };
        let found = found.into_iter().filter(is_compared).collect();
        let expected = held.outcomes.values().map(outcome_row).filter(is_compared);
        differences("outcomes", expected, found, |row| row.command_id.clone(), &parked, report);
        Ok(())
    }

    /// Looks for rows that no partition's comparison meets.
    pub(super) async fn find_strays(
        &mut self,
        parameters: &Parameters,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        strays::find(&mut self.moment, parameters, report).await
    }

    async fn parked(
        &mut self,
        projection: &str,
        partition: &Partition,
    ) -> anyhow::Result<BTreeSet<String>> {
        let keys: Vec<(Vec<u8>,)> = sqlx::query_as(
            "SELECT key FROM live_parked_keys
              WHERE projection = $1 AND topic = $2 AND partition = $3",
        )
        .bind(projection)
        .bind(&*partition.topic)
        .bind(partition.number)
        .fetch_all(&mut *self.moment)
        .await?;
        Ok(keys.into_iter().map(|(key,)| String::from_utf8_lossy(&key).into_owned()).collect())
    }
}

/// Every row that differs, is missing, or has no events.
pub(super) fn differences<R: PartialEq + Serialize>(
    table: &'static str,
    expected: impl Iterator<Item = R>,
    found: Vec<R>,
    key: impl Fn(&R) -> String,
    parked: &BTreeSet<String>,
    report: &mut Report,
) {
    let mut found: BTreeMap<String, R> = found.into_iter().map(|row| (key(&row), row)).collect();
    for row in expected {
        let key = key(&row);
        let place = format!("{table} {key}");
        match found.remove(&key) {
            Some(same) if same == row => report.counts.rows += 1,
            Some(other) => {
                let detail = format!("the row is {}, the fold is {}", text(&other), text(&row));
                report.violation("row-differs", place, detail);
            }
            None => report.violation("row-missing", place, format!("the fold is {}", text(&row))),
        }
    }
    for (key, row) in found.into_iter().filter(|(key, _)| !parked.contains(key)) {
        let detail = format!("no events give the row {}", text(&row));
        report.violation("row-unexpected", format!("{table} {key}"), detail);
    }
}

fn text<R: Serialize>(row: &R) -> String {
    serde_json::to_string(row).unwrap_or_default()
}
