//! How each event changes an order's rows. Everything is checked before anything is changed.

use events::{
    Event, Millis, Money,
    line::{PricedLine, RefusedLine},
    order::{OrderPlaced, ReservationRecorded},
};

use super::{Happened, Line, Order, OrderRows};
use crate::{Unfit, next_version, time};

/// Folds one event, of which `happening` is kept; on an error the rows stay as they were.
///
/// # Errors
/// When the event cannot follow what was folded so far.
pub fn fold<H>(
    rows: &mut Option<OrderRows<H>>,
    fact: &Happened<'_>,
    happening: H,
) -> Result<(), Unfit> {
    match (fact.event, rows) {
        (Event::OrderPlaced(event), rows @ None) => {
            *rows = Some(placed(event, fact, happening)?);
            Ok(())
        }
        (Event::OrderPlaced(_), Some(_)) => Err(Unfit::Exists),
        (_, None) => Err(Unfit::Missing),
        (event, Some(rows)) => {
            let version = next_version(rows.order.version, fact.version)?;
            rows.change(event)?;
            rows.order.version = version;
            rows.order.updated_at = fact.at;
            rows.happenings.push(happening);
            Ok(())
        }
    }
}

fn placed<H>(
    event: &OrderPlaced,
    fact: &Happened<'_>,
    happening: H,
) -> Result<OrderRows<H>, Unfit> {
    let mut lines: Vec<Line> = event
        .lines
        .iter()
        .map(|line| Line {
            line: line.line,
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price_max: line.unit_price_max,
            unit_price: None,
            refusal: None,
            available: None,
        })
        .collect();
    lines.sort_by_key(|line| line.line);
    if let Some(pair) = lines.windows(2).find(|pair| pair[0].line == pair[1].line) {
        return Err(Unfit::LineTwice(pair[0].line));
    }
    Ok(OrderRows {
        order: Order {
            order_id: event.order_id.clone(),
            customer_id: event.customer_id.clone(),
            currency: event.currency.clone(),
            status: "placed".to_owned(),
            total_amount: None,
            payment_deadline: None,
            refund_due_amount: None,
            placed_at: fact.at,
            updated_at: fact.at,
            version: next_version(0, fact.version)?,
            source_partition: fact.partition,
        },
        lines,
        are_lines_changed: true,
        happenings: vec![happening],
    })
}

impl<H> OrderRows<H> {
    /// Takes an event on an order that exists.
    fn change(&mut self, event: &Event) -> Result<(), Unfit> {
        match event {
            Event::ReservationRecorded(event) => self.reservation_recorded(event),
            Event::OrderReserved(event) => {
                self.reserved(&event.lines, &[], &event.total, event.payment_deadline)
            }
            Event::OrderPartlyReserved(event) => {
                let (lines, refused) = (&event.lines, &event.refused);
                self.reserved(lines, refused, &event.total, event.payment_deadline)
            }
            Event::OrderRejected(event) => {
                self.refuse(&event.refused)?;
                self.becomes("rejected")
            }
            Event::OrderPaid(event) => {
                self.amount(&event.amount)?;
                self.becomes("paid")
            }
            Event::OrderShipped(_) => self.becomes("shipped"),
            Event::OrderCancelled(event) => {
                let refund_due = event.refund_due.as_ref();
                self.order.refund_due_amount =
                    refund_due.map(|money| self.amount(money)).transpose()?;
                self.becomes("cancelled")
            }
            Event::OrderExpired(_) => self.becomes("expired"),
            // Stock that came too late goes back; what the order says to its reader stays.
            Event::LateReservationReleased(_) => Ok(()),
            _ => Err(Unfit::Stranger),
        }
    }

    fn reservation_recorded(&mut self, event: &ReservationRecorded) -> Result<(), Unfit> {
        self.check_lines(event.reserved.iter().map(|line| line.line))?;
        self.refuse(&event.refused)?;
        self.price(event.reserved.iter().map(|l| (l.line, l.unit_price)))
    }

    fn reserved(
        &mut self,
        lines: &[PricedLine],
        refused: &[RefusedLine],
        total: &Money,
        payment_deadline: Millis,
    ) -> Result<(), Unfit> {
        let total_amount = self.amount(total)?;
        let payment_deadline = time(payment_deadline)?;
        self.check_lines(lines.iter().map(|line| line.line))?;
        self.refuse(refused)?;
        self.price(lines.iter().map(|l| (l.line, l.unit_price)))?;
        self.order.total_amount = Some(total_amount);
        self.order.payment_deadline = Some(payment_deadline);
        self.becomes("reserved")
    }

    fn becomes(&mut self, status: &str) -> Result<(), Unfit> {
        status.clone_into(&mut self.order.status);
        Ok(())
    }

    fn price(&mut self, prices: impl Iterator<Item = (i32, i64)> + Clone) -> Result<(), Unfit> {
        self.check_lines(prices.clone().map(|(number, _)| number))?;
        for (number, unit_price) in prices {
            let index = self.index(number)?;
            self.lines[index].unit_price = Some(unit_price);
            self.are_lines_changed = true;
        }
        Ok(())
    }

    fn refuse(&mut self, refused: &[RefusedLine]) -> Result<(), Unfit> {
        self.check_lines(refused.iter().map(|line| line.line))?;
        for refusal in refused {
            let index = self.index(refusal.line)?;
            self.lines[index].refusal = Some(refusal.reason.clone());
            self.lines[index].available = refusal.available;
            self.are_lines_changed = true;
        }
        Ok(())
    }

    fn check_lines(&self, mut numbers: impl Iterator<Item = i32>) -> Result<(), Unfit> {
        numbers.try_for_each(|number| self.index(number).map(|_| ()))
    }

    fn index(&self, number: i32) -> Result<usize, Unfit> {
        self.lines.binary_search_by_key(&number, |line| line.line).map_err(|_| Unfit::Line(number))
    }

    /// The amount in minor units, when the currency is the order's.
    fn amount(&self, money: &Money) -> Result<i64, Unfit> {
        if money.currency == self.order.currency {
            Ok(money.amount)
        } else {
            Err(Unfit::Currency {
                expected: self.order.currency.clone(),
                found: money.currency.clone(),
            })
        }
    }
}
