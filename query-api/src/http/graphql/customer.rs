//! Customers, as orders tell of them.

use async_graphql::{ID, Object, SimpleObject};

use super::scalar::{BigInt, Long};
use crate::read::customer;

/// A customer, as orders tell of them.
#[derive(Debug, Clone)]
pub(super) struct Customer(customer::Customer);

impl From<customer::Customer> for Customer {
    fn from(row: customer::Customer) -> Self {
        Self(row)
    }
}

impl Customer {
    /// Its key in the list.
    pub(super) fn row_id(&self) -> &str {
        &self.0.customer_id
    }
}

/// A customer, as orders tell of them.
#[Object]
impl Customer {
    async fn id(&self) -> ID {
        ID::from(&self.0.customer_id)
    }

    /// All orders, whatever has become of them. They are pages of `orders(customerId:)`.
    async fn order_count(&self) -> Long {
        Long(self.0.orders)
    }

    /// How many orders stand at each status now.
    async fn orders_by_status(&self) -> OrdersByStatus {
        let by = &self.0.orders_by_status;
        OrdersByStatus {
            placed: Long(by.placed),
            reserved: Long(by.reserved),
            rejected: Long(by.rejected),
            paid: Long(by.paid),
            shipped: Long(by.shipped),
            cancelled: Long(by.cancelled),
            expired: Long(by.expired),
        }
    }

    /// By currency; empty before the first payment.
    async fn spend(&self) -> Vec<Spend> {
        let spend = self.0.spend.iter();
        spend
            .map(|spend| Spend {
                currency: spend.currency.clone(),
                amount: BigInt(spend.amount),
                paid: BigInt(spend.paid),
                refund_due: BigInt(spend.refund_due),
            })
            .collect()
    }
}

/// How many orders stand at each status now.
#[derive(Debug, Clone, SimpleObject)]
struct OrdersByStatus {
    placed: Long,
    reserved: Long,
    rejected: Long,
    paid: Long,
    shipped: Long,
    cancelled: Long,
    expired: Long,
}

/// What was spent in one currency, in its minor units.
#[derive(Debug, Clone, SimpleObject)]
struct Spend {
    /// ISO 4217 code.
    currency: String,
    /// What was paid less what is to be paid back.
    amount: BigInt,
    /// All payments.
    paid: BigInt,
    /// What is to be paid back for orders that were cancelled after they were paid.
    refund_due: BigInt,
}
