//! Events of orders as the table `order_history` keeps them: a record name and JSON.

use events::Event;
use serde_json::Value;

/// A kept event that this release cannot read.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error("{0} is no event of an order")]
    Name(String),
    #[error("the kept {0} does not follow its schema")]
    Body(String, #[source] serde_json::Error),
}

/// Reads a kept event: the counterpart of writing it with serde, as the projector does.
///
/// # Errors
/// When the name is none of an order's events, or the body is not of its form.
pub fn event(name: &str, body: Value) -> Result<Event, NotKept> {
    let event = match name {
        "OrderPlaced" => serde_json::from_value(body).map(Event::OrderPlaced),
        "ReservationRecorded" => serde_json::from_value(body).map(Event::ReservationRecorded),
        "OrderReserved" => serde_json::from_value(body).map(Event::OrderReserved),
        "OrderPartlyReserved" => serde_json::from_value(body).map(Event::OrderPartlyReserved),
        "OrderRejected" => serde_json::from_value(body).map(Event::OrderRejected),
        "OrderPaid" => serde_json::from_value(body).map(Event::OrderPaid),
        "OrderShipped" => serde_json::from_value(body).map(Event::OrderShipped),
        "OrderCancelled" => serde_json::from_value(body).map(Event::OrderCancelled),
        "OrderExpired" => serde_json::from_value(body).map(Event::OrderExpired),
        "LateReservationReleased" => {
            serde_json::from_value(body).map(Event::LateReservationReleased)
        }
        _ => return Err(NotKept::Name(name.to_owned())),
    };
    event.map_err(|error| NotKept::Body(name.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use events::Kind;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_of_an_order_has_its_reader_and_no_other() {
        for name in Event::NAMES {
            let is_known = !matches!(event(name, json!(null)), Err(NotKept::Name(_)));
            // A refused reservation is a product shard's event.
            assert_eq!(is_known, Event::kind_of(name) == Some(Kind::Orders), "{name}");
        }
        let expired = json!({"order_id": "o-1", "released": []});
        assert_eq!(event("OrderExpired", expired).expect("an event").key(), "o-1");
    }
}
