//! What an order was sold for, from its events alone.

use chrono::{DateTime, NaiveDate, Utc};
use events::{Event, line::PricedLine};

/// What customers' and days' sums take from an order.
#[derive(Debug, Default, Clone)]
pub(super) struct Trade {
    /// The lines that were reserved, with their prices.
    pub(super) lines: Vec<PricedLine>,
    /// Minor units: what these cost together, as the event says.
    pub(super) total_amount: Option<i64>,
    pub(super) paid_amount: i64,
    pub(super) refund_due_amount: i64,
    pub(super) paid_on: Option<NaiveDate>,
    pub(super) refunded_on: Option<NaiveDate>,
    /// Of the last event, from the reservation on, that says anything of a sale.
    pub(super) version: i64,
}

impl Trade {
    /// Takes an event that the order has followed already.
    pub(super) fn take(&mut self, event: &Event, version: i64, at: Option<DateTime<Utc>>) {
        let day = at.map(|at| at.date_naive());
        match event {
            Event::OrderReserved(event) => {
                self.lines.clone_from(&event.lines);
                self.total_amount = Some(event.total.amount);
            }
            Event::OrderPartlyReserved(event) => {
                self.lines.clone_from(&event.lines);
                self.total_amount = Some(event.total.amount);
            }
            Event::OrderPaid(event) => {
                self.paid_amount = event.amount.amount;
                self.paid_on = day;
            }
            Event::OrderCancelled(event) => {
                if let Some(refund_due) = &event.refund_due {
                    self.refund_due_amount = refund_due.amount;
                    self.refunded_on = day;
                }
            }
            Event::OrderShipped(_) => {}
            _ => return,
        }
        self.version = version;
    }
}
