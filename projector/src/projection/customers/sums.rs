//! What orders add to the sums of their customers. Pure.

use std::collections::BTreeMap;

use super::{CustomerOrder, Share};

/// What has become of an order; each has a column in `customers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Placed,
    Reserved,
    Rejected,
    Paid,
    Shipped,
    Cancelled,
    Expired,
}

/// All of them, in the order of the columns.
pub const STATUSES: [Status; 7] = [
    Status::Placed,
    Status::Reserved,
    Status::Rejected,
    Status::Paid,
    Status::Shipped,
    Status::Cancelled,
    Status::Expired,
];

impl Status {
    /// The word in `orders`, and the name of the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Placed => "placed",
            Status::Reserved => "reserved",
            Status::Rejected => "rejected",
            Status::Paid => "paid",
            Status::Shipped => "shipped",
            Status::Cancelled => "cancelled",
            Status::Expired => "expired",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        STATUSES.into_iter().find(|status| status.as_str() == word)
    }
}

/// Orders by status.
pub(super) type Counts = [i64; STATUSES.len()];

/// Minor units paid and to be paid back. A batch may hold more than 64 bits can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spend {
    pub(super) paid: i128,
    pub(super) refund_due: i128,
}

/// Changes of sums, in key order.
#[derive(Debug, Default)]
pub(super) struct Sums<'a> {
    /// By customer and partition.
    pub(super) counts: BTreeMap<(&'a str, i32), Counts>,
    /// By customer, currency and partition.
    pub(super) spend: BTreeMap<(&'a str, &'a str, i32), Spend>,
}

impl<'a> Sums<'a> {
    /// What orders count for now instead of what was counted of them.
    pub(super) fn changes(orders: impl IntoIterator<Item = &'a CustomerOrder>) -> Self {
        let mut sums = Self::default();
        for order in orders.into_iter().filter(|order| order.counted != Some(order.share)) {
            sums.add(order, order.share, 1);
            if let Some(counted) = order.counted {
                sums.add(order, counted, -1);
            }
        }
        sums.spend.retain(|_, spend| *spend != Spend::default());
        sums
    }

    /// The orders count for nothing any more.
    pub(super) fn without(orders: impl IntoIterator<Item = &'a CustomerOrder>) -> Self {
        let mut sums = Self::default();
        for order in orders {
            if let Some(counted) = order.counted {
                sums.add(order, counted, -1);
            }
        }
        sums
    }

    fn add(&mut self, order: &'a CustomerOrder, share: Share, times: i64) {
        let Some(customer_id) = order.customer_id.as_deref() else {
            return;
        };
        let partition = order.source_partition;
        let counts = self.counts.entry((customer_id, partition)).or_default();
        counts[share.status as usize] += times;
        let spend =
            self.spend.entry((customer_id, order.currency.as_str(), partition)).or_default();
        spend.paid += i128::from(times) * i128::from(share.paid_amount);
        spend.refund_due += i128::from(times) * i128::from(share.refund_due_amount);
    }
}
