//! Sales per day and per product.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    list::Faults,
    scalar::{BigInt, Day, Long},
};
use crate::{
    http::params::{currency, id},
    read::sales,
};

/// Which sales count; what is not given does not matter.
#[derive(Debug, Default, InputObject)]
pub(super) struct SalesFilter {
    /// The first day that counts.
    from: Option<Day>,
    /// The last day that counts.
    to: Option<Day>,
    /// Only sales in this currency.
    currency: Option<String>,
}

impl SalesFilter {
    /// As the read model takes it, with the product that is asked for alone.
    pub(super) fn read(self, sku: Option<ID>, faults: &mut Faults) -> sales::Filter {
        let Self { from, to, currency: code } = self;
        if from.zip(to).is_some_and(|(from, to)| to.0 < from.0) {
            faults.fault("filter/to", "must not lie before `from`");
        }
        sales::Filter {
            from: from.map(|Day(day)| day),
            to: to.map(|Day(day)| day),
            currency: code.and_then(|code| faults.take("filter/currency", currency(&code))),
            sku: sku.and_then(|sku| faults.take("sku", id(&sku))),
        }
    }
}

/// Sales of one day in one currency.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct DaySales {
    /// The day in UTC, by log time.
    pub(super) day: Day,
    #[graphql(flatten)]
    pub(super) sales: Sales,
}

/// Sales of one product in one currency, over all days that were asked for.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct ProductSales {
    pub(super) sku: ID,
    #[graphql(flatten)]
    pub(super) sales: Sales,
}

/// What was paid and paid back in one currency.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Sales {
    /// ISO 4217 code.
    pub(super) currency: String,
    /// Orders that were paid.
    order_count: Long,
    /// Their pieces.
    pieces: Long,
    /// What was paid for them, in minor units.
    amount: BigInt,
    /// Orders that were cancelled after they were paid, on the day of the cancellation.
    refunded: Refunded,
    /// Paid less refunded; below zero where more was refunded.
    net_amount: BigInt,
}

/// Orders that were cancelled after they were paid, on the day of the cancellation.
#[derive(Debug, Clone, SimpleObject)]
struct Refunded {
    order_count: Long,
    pieces: Long,
    /// Minor units that are to be paid back.
    amount: BigInt,
}

impl From<sales::Sales> for Sales {
    fn from(row: sales::Sales) -> Self {
        let refunded = Refunded {
            order_count: Long(row.refunded.orders),
            pieces: Long(row.refunded.pieces),
            amount: BigInt(row.refunded.amount),
        };
        Self {
            currency: row.currency,
            order_count: Long(row.orders),
            pieces: Long(row.pieces),
            amount: BigInt(row.amount),
            refunded,
            net_amount: BigInt(row.net_amount),
        }
    }
}

impl From<sales::DaySales> for DaySales {
    fn from(row: sales::DaySales) -> Self {
        Self { day: Day(row.day), sales: row.sales.into() }
    }
}

impl From<sales::ProductSales> for ProductSales {
    fn from(row: sales::ProductSales) -> Self {
        Self { sku: ID(row.sku), sales: row.sales.into() }
    }
}

impl DaySales {
    /// Its key in the list.
    pub(super) fn key(&self) -> sales::DayKey {
        sales::DayKey { day: self.day.0, currency: self.sales.currency.clone() }
    }
}

impl ProductSales {
    /// Its key in the list.
    pub(super) fn key(&self) -> sales::ProductKey {
        sales::ProductKey { sku: self.sku.to_string(), currency: self.sales.currency.clone() }
    }
}
