//! Folding events into an order.

use events::{
    Event, Kind,
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPartlyReserved,
        OrderPlaced, OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
};

use super::{
    Line, LineState, Order, Status,
    lines::{self, is_held, is_waiting},
    state::Bill,
};
use crate::{Misfit, Unfit};

/// The order after an event; every event raises the version by one.
///
/// # Errors
/// When the event does not fit the order: decide never writes such an event.
pub fn evolve(order: Option<Order>, event: &Event) -> Result<Order, Unfit> {
    let evolved = match (order, event) {
        (None, Event::OrderPlaced(placed)) => place(placed),
        (None, _) => Err(Misfit::Absent),
        (Some(_), Event::OrderPlaced(_)) => Err(Misfit::Present),
        (Some(order), _) if order.id != event.key() => Err(Misfit::OtherKey(order.id)),
        (Some(order), _) => change(order, event),
    };
    evolved.map_err(|misfit| Unfit::new(event, misfit))
}

fn place(placed: &OrderPlaced) -> Result<Order, Misfit> {
    for (wanted, line) in (1..).zip(&placed.lines) {
        if line.line != wanted {
            return Err(Misfit::Line(line.line));
        }
    }
    let lines = placed.lines.iter().map(|line| Line {
        line: line.line,
        sku: line.sku.clone(),
        quantity: line.quantity,
        state: LineState::Waiting,
    });
    Ok(Order {
        version: 1,
        id: placed.order_id.clone(),
        currency: placed.currency.clone(),
        status: Status::Placed,
        lines: lines.collect(),
        bill: None,
        refund_due: None,
    })
}

fn change(mut order: Order, event: &Event) -> Result<Order, Misfit> {
    use Status::{Cancelled, Paid, Placed, Reserved};
    match (order.status, event) {
        (Placed | Cancelled, Event::ReservationRecorded(e)) => record(&mut order, e)?,
        (Placed, Event::OrderReserved(e)) => reserve(&mut order, e)?,
        (Placed, Event::OrderPartlyReserved(e)) => reserve_partly(&mut order, e)?,
        (Placed, Event::OrderRejected(e)) => reject(&mut order, e)?,
        (Reserved, Event::OrderPaid(e)) => pay(&mut order, e)?,
        (Paid, Event::OrderShipped(e)) => ship(&mut order, e)?,
        (Placed | Reserved | Paid, Event::OrderCancelled(e)) => cancel(&mut order, e)?,
        (Reserved, Event::OrderExpired(e)) => expire(&mut order, e)?,
        (Cancelled, Event::LateReservationReleased(e)) => release_late(&mut order, e)?,
        (status, _) if event.kind() == Kind::Orders => return Err(Misfit::Status(status)),
        _ => return Err(Misfit::Foreign),
    }
    order.version += 1;
    Ok(order)
}

fn record(order: &mut Order, event: &ReservationRecorded) -> Result<(), Misfit> {
    if order.status.is_final() && !event.reserved.is_empty() {
        return Err(Misfit::Status(order.status));
    }
    for line in &event.reserved {
        lines::hold(order, line)?;
    }
    for line in &event.refused {
        lines::refuse(order, line)?;
    }
    for line in &event.withheld {
        lines::withhold(order, *line)?;
    }
    Ok(())
}

fn reserve(order: &mut Order, event: &OrderReserved) -> Result<(), Misfit> {
    for line in &event.lines {
        lines::price(order, line)?;
    }
    lines::none_left(order, |state| !is_held(state))?;
    // All lines are held, so a longer list names one twice and would count it twice.
    let once = event.lines.len() == order.lines.len();
    let total = lines::total(&event.lines).filter(|total| *total == event.total.amount);
    let (Some(total), true) = (total, once && event.total.currency == order.currency) else {
        return Err(Misfit::Amount);
    };
    order.status = Status::Reserved;
    order.bill = Some(Bill { total, payment_deadline: event.payment_deadline });
    Ok(())
}

fn reserve_partly(order: &mut Order, event: &OrderPartlyReserved) -> Result<(), Misfit> {
    for line in &event.lines {
        lines::price(order, line)?;
    }
    for line in &event.refused {
        lines::refuse(order, line)?;
    }
    let held = order.lines.iter().filter(|line| is_held(&line.state)).count();
    // A line left out would hold stock unpaid; one named twice would be paid twice.
    if held != event.lines.len() {
        return Err(Misfit::Unsettled);
    }
    let total = lines::total(&event.lines).filter(|total| *total == event.total.amount);
    let some = !event.lines.is_empty() && !event.refused.is_empty();
    let (Some(total), true) = (total, some && event.total.currency == order.currency) else {
        return Err(Misfit::Amount);
    };
    lines::withhold_rest(order);
    order.status = Status::Reserved;
    order.bill = Some(Bill { total, payment_deadline: event.payment_deadline });
    Ok(())
}

fn reject(order: &mut Order, event: &OrderRejected) -> Result<(), Misfit> {
    for line in &event.refused {
        lines::refuse(order, line)?;
    }
    let mine = |state: &LineState| is_held(state) || is_waiting(state);
    lines::settle(order, &event.released, mine, &LineState::Released)?;
    lines::none_left(order, is_held)?;
    lines::withhold_rest(order);
    order.status = Status::Rejected;
    Ok(())
}

fn pay(order: &mut Order, event: &OrderPaid) -> Result<(), Misfit> {
    let total = order.bill.map(|bill| bill.total);
    if total != Some(event.amount.amount) || event.amount.currency != order.currency {
        return Err(Misfit::Amount);
    }
    order.status = Status::Paid;
    Ok(())
}

fn ship(order: &mut Order, event: &OrderShipped) -> Result<(), Misfit> {
    lines::settle(order, &event.lines, is_held, &LineState::Shipped)?;
    lines::none_left(order, is_held)?;
    order.status = Status::Shipped;
    Ok(())
}

fn cancel(order: &mut Order, event: &OrderCancelled) -> Result<(), Misfit> {
    let paid = match order.status {
        Status::Paid => order.bill.map(|bill| bill.total),
        _ => None,
    };
    let refund = event.refund_due.as_ref();
    let foreign = refund.is_some_and(|refund| refund.currency != order.currency);
    if foreign || refund.map(|refund| refund.amount) != paid {
        return Err(Misfit::Amount);
    }
    lines::settle(order, &event.released, is_held, &LineState::Released)?;
    lines::none_left(order, is_held)?;
    order.refund_due = paid;
    order.status = Status::Cancelled;
    Ok(())
}

fn expire(order: &mut Order, event: &OrderExpired) -> Result<(), Misfit> {
    lines::settle(order, &event.released, is_held, &LineState::Released)?;
    lines::none_left(order, is_held)?;
    order.status = Status::Expired;
    Ok(())
}

fn release_late(order: &mut Order, event: &LateReservationReleased) -> Result<(), Misfit> {
    lines::settle(order, &event.released, is_waiting, &LineState::Released)
}
