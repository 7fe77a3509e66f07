//! What orders add to the sums of days and products. Pure.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Days, Sale};

/// Columns of a sum. A batch may hold more than 64 bits can say; PostgreSQL refuses what its columns
/// cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) sold: Part,
    pub(super) refunded: Part,
}

/// Orders with their pieces and minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Part {
    pub(super) orders: i64,
    pub(super) pieces: i128,
    pub(super) amount: i128,
}

impl Part {
    fn add(&mut self, pieces: i128, amount: i64, times: i64) {
        self.orders += times;
        self.pieces += i128::from(times) * pieces;
        self.amount += i128::from(times) * i128::from(amount);
    }
}

/// Changes of sums, in key order.
#[derive(Debug, Default)]
pub(super) struct Sums<'a> {
    /// By day, currency and partition.
    pub(super) days: BTreeMap<(NaiveDate, &'a str, i32), Sum>,
    /// By SKU, day, currency and partition.
    pub(super) products: BTreeMap<(&'a str, NaiveDate, &'a str, i32), Sum>,
}

impl<'a> Sums<'a> {
    /// What is to be counted of orders and was not counted yet. A day never changes once it is set.
    pub(super) fn changes(sales: impl IntoIterator<Item = &'a Sale>) -> Self {
        let mut sums = Self::default();
        for sale in sales {
            let Days { paid_on, refunded_on } = sale.days;
            let unless = |counted: Option<NaiveDate>| counted.is_none();
            let days = Days {
                paid_on: paid_on.filter(|_| unless(sale.counted.paid_on)),
                refunded_on: refunded_on.filter(|_| unless(sale.counted.refunded_on)),
            };
            sums.add(sale, days, 1);
        }
        sums
    }

    /// The orders count for nothing any more.
    pub(super) fn without(sales: impl IntoIterator<Item = &'a Sale>) -> Self {
        let mut sums = Self::default();
        for sale in sales {
            sums.add(sale, sale.counted, -1);
        }
        sums
    }

    fn add(&mut self, sale: &'a Sale, days: Days, times: i64) {
        if let Some(day) = days.paid_on {
            self.add_to(sale, day, times, |sum| &mut sum.sold);
        }
        if let Some(day) = days.refunded_on {
            self.add_to(sale, day, times, |sum| &mut sum.refunded);
        }
    }

    fn add_to(
        &mut self,
        sale: &'a Sale,
        day: NaiveDate,
        times: i64,
        part: impl Fn(&mut Sum) -> &mut Part,
    ) {
        let (currency, partition) = (sale.currency.as_str(), sale.source_partition);
        let pieces = sale.products.values().map(|sold| i128::from(sold.pieces)).sum();
        let whole = part(self.days.entry((day, currency, partition)).or_default());
        whole.add(pieces, sale.total_amount, times);
        for (sku, sold) in &sale.products {
            let sum = self.products.entry((sku.as_str(), day, currency, partition)).or_default();
            part(sum).add(sold.pieces.into(), sold.amount, times);
        }
    }
}
