//! Vouchers: their fold, and their rows compared with it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::voucher::{self, Voucher};
use events::Event;
use serde::Serialize;
use sqlx::FromRow;

use super::{
    compare::Held,
    history::Told,
    report::Report,
    rows::{Rows, differences},
};

/// A voucher, and when its first and its last event happened.
#[derive(Debug, Clone)]
pub(super) struct FoldedVoucher {
    voucher: Voucher,
    issued_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, FromRow)]
struct Row {
    voucher_id: String,
    currency: String,
    issued: i64,
    balance: i64,
    issued_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    version: i64,
}

impl Row {
    fn of(folded: &FoldedVoucher) -> Self {
        let FoldedVoucher { voucher, issued_at, updated_at } = folded;
        Self {
            voucher_id: voucher.id().to_owned(),
            currency: voucher.issued().currency,
            issued: voucher.issued().amount,
            balance: voucher.balance().amount,
            issued_at: *issued_at,
            updated_at: *updated_at,
            version: voucher.version,
        }
    }
}

/// Folds the next event; gives the voucher's version.
pub(super) fn take(
    vouchers: &mut BTreeMap<String, FoldedVoucher>,
    event: &Event,
    told: &Told<'_>,
) -> Result<i64, String> {
    let before = vouchers.remove(event.key());
    let issued_at = before.as_ref().map_or(told.at, |before| before.issued_at);
    let evolved = voucher::evolve(before.map(|before| before.voucher), event);
    let voucher = evolved.map_err(|unfit| unfit.to_string())?;
    let version = voucher.version;
    let folded = FoldedVoucher { voucher, issued_at, updated_at: told.at };
    vouchers.insert(event.key().to_owned(), folded);
    Ok(version)
}

impl Rows {
    pub(super) async fn compare_vouchers(
        &mut self,
        partition: i32,
        held: &Held,
        parked: &BTreeSet<String>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let found: Vec<Row> = sqlx::query_as(
            "SELECT voucher_id, currency, issued, balance, issued_at, updated_at, version
               FROM vouchers WHERE source_partition = $1",
        )
        .bind(partition)
        .fetch_all(&mut *self.moment)
        .await?;
        let folded = held.fold.projected("vouchers").vouchers.iter();
        let expected = folded.filter(|(id, _)| !parked.contains(*id)).map(|(_, v)| Row::of(v));
        differences("vouchers", expected, found, |row| row.voucher_id.clone(), parked, report);
        Ok(())
    }
}
