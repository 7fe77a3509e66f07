//! Read model `vouchers`: what gift vouchers are worth.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Partition;
use events::{Event, Kind, Topic, voucher::VoucherRedeemed};
use sqlx::PgConnection;

use super::{Projection, Table};
use crate::fact::{Fact, Unfit};

/// The projection.
#[derive(Debug)]
pub struct Vouchers;

/// A row of `vouchers`.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Voucher {
    pub voucher_id: String,
    pub currency: String,
    /// Minor units that it was issued with.
    pub issued: i64,
    /// Minor units that are left.
    pub balance: i64,
    pub issued_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// Partition of the event topic.
    pub source_partition: i32,
}

impl Projection for Vouchers {
    const NAME: &'static str = "vouchers";
    const TOPICS: &'static [Topic] = &[Topic::Events(Kind::Vouchers)];
    const TABLES: &'static [Table] = &[Table::new("vouchers", &["voucher_id"])];

    type Body = Event;
    type Rows = Voucher;

    fn key(event: &Event) -> Option<&str> {
        Some(event.key())
    }

    fn fold(row: &mut Option<Voucher>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match (&fact.body, row) {
            (Event::VoucherIssued(event), row @ None) => {
                *row = Some(Voucher {
                    voucher_id: event.voucher_id.clone(),
                    currency: event.balance.currency.clone(),
                    issued: event.balance.amount,
                    balance: event.balance.amount,
                    issued_at: fact.at,
                    updated_at: fact.at,
                    version: fact.version_after(0)?,
                    source_partition: fact.source.partition.number,
                });
                Ok(())
            }
            (Event::VoucherIssued(_), Some(_)) => Err(Unfit::Exists),
            (Event::VoucherRedeemed(event), Some(voucher)) => voucher.redeem(event, fact),
            (Event::VoucherRedeemed(_), None) => Err(Unfit::Missing),
            _ => Err(Unfit::Stranger),
        }
    }

    async fn load(
        connection: &mut PgConnection,
        ids: &[&str],
    ) -> sqlx::Result<BTreeMap<String, Voucher>> {
        let vouchers: Vec<Voucher> =
            sqlx::query_as("SELECT * FROM vouchers WHERE voucher_id = ANY($1)")
                .bind(ids)
                .fetch_all(connection)
                .await?;
        Ok(vouchers.into_iter().map(|voucher| (voucher.voucher_id.clone(), voucher)).collect())
    }

    async fn store(connection: &mut PgConnection, vouchers: &[&Voucher]) -> sqlx::Result<()> {
        let column = vouchers.iter();
        sqlx::query(
            "INSERT INTO vouchers (voucher_id, currency, issued, balance, issued_at, updated_at,
                 version, source_partition)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[],
                 $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::integer[])
             ON CONFLICT (voucher_id) DO UPDATE SET
                 balance = excluded.balance, updated_at = excluded.updated_at,
                 version = excluded.version",
        )
        .bind(column.clone().map(|v| v.voucher_id.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.currency.as_str()).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.issued).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.balance).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.issued_at).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.updated_at).collect::<Vec<_>>())
        .bind(column.clone().map(|v| v.version).collect::<Vec<_>>())
        .bind(column.map(|v| v.source_partition).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn remove(connection: &mut PgConnection, ids: &[&str]) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM vouchers WHERE voucher_id = ANY($1)")
            .bind(ids)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM vouchers WHERE source_partition = $1")
            .bind(partition.number)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Voucher {
    /// On an error nothing has changed.
    fn redeem(&mut self, event: &VoucherRedeemed, fact: &Fact<Event>) -> Result<(), Unfit> {
        let version = fact.version_after(self.version)?;
        if event.amount.currency != self.currency {
            return Err(Unfit::Currency {
                expected: self.currency.clone(),
                found: event.amount.currency.clone(),
            });
        }
        if !(1..=self.balance).contains(&event.amount.amount) {
            return Err(Unfit::Range("balance"));
        }
        self.balance -= event.amount.amount;
        self.version = version;
        self.updated_at = fact.at;
        Ok(())
    }
}
