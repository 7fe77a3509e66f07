//! Deadlines of orders.

use events::{Event, Millis, order::OrderExpired};

use super::Order;

/// The event that expires an order which awaits its payment and whose deadline is due: deadline
/// <= now. `None` for every other order.
pub fn expire(order: &Order, now: Millis) -> Option<Event> {
    let deadline = order.payment_deadline()?;
    (deadline <= now)
        .then(|| Event::from(OrderExpired { order_id: order.id.clone(), released: order.held() }))
}
