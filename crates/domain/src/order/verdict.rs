//! What an event says to the PlaceOrder that waits for its order's fate.

use events::{Event, outcome::Refusal};

use crate::refusal::{self, Code};

/// `None`: the event leaves the waiting PlaceOrder waiting. `Some(None)`: the order is reserved.
/// `Some(Some(refusal))`: it will not be; or, with the code `partly-reserved`, not with these lines.
///
/// An order that was reserved before may be cancelled too; nobody waits for that verdict.
pub fn placement_verdict(event: &Event) -> Option<Option<Refusal>> {
    match event {
        Event::OrderReserved(_) => Some(None),
        Event::OrderPartlyReserved(e) => Some(Some(refusal::left_out(&e.refused))),
        Event::OrderRejected(rejected) => Some(Some(refusal::of_lines(&rejected.refused))),
        Event::OrderCancelled(_) => {
            let detail = "The order was cancelled before its stock was held.";
            Some(Some(Code::Cancelled.refuse(detail)))
        }
        _ => None,
    }
}
