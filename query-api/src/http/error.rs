//! Everything that is not an answer, as a problem document.
//!
//! Queries change nothing, so the same request may always be sent again; what differs is whether
//! that can help without changing it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use events::Position;
use http::StatusCode;
use service::problem::{Kind, Problem, Retry, kinds};

use super::fault::Fault;
use crate::read::{self, stamp::Parked};

/// No event of the order has been projected.
pub(super) const UNKNOWN_ORDER: Kind =
    Kind::new("unknown-order", StatusCode::NOT_FOUND, "No such order", Retry::Never);
/// No event of the product has been projected.
pub(super) const UNKNOWN_SKU: Kind =
    Kind::new("unknown-sku", StatusCode::NOT_FOUND, "No such product", Retry::Never);
/// No order of the customer has been projected.
pub(super) const UNKNOWN_CUSTOMER: Kind =
    Kind::new("unknown-customer", StatusCode::NOT_FOUND, "No such customer", Retry::Never);
/// No outcome of the command has been projected.
pub(super) const UNKNOWN_COMMAND: Kind =
    Kind::new("unknown-command", StatusCode::NOT_FOUND, "No such outcome", Retry::Safe);
/// The read model is behind the position of the request.
pub(super) const POSITION_NOT_REACHED: Kind = Kind::new(
    "position-not-reached",
    StatusCode::TOO_EARLY,
    "The read model has not come so far yet",
    Retry::Safe,
);

/// The order has not come to the version that was asked for, or did not exist at that time.
pub(super) const UNKNOWN_VERSION: Kind = Kind::new(
    "unknown-version",
    StatusCode::NOT_FOUND,
    "The order was never in that state",
    Retry::Never,
);
/// Events of the key wait behind a dead letter.
pub(super) const PARKED: Kind = Kind::new(
    "parked",
    StatusCode::SERVICE_UNAVAILABLE,
    "Events of this order or product wait for an operator",
    Retry::Safe,
);

/// When a client should look whether operators have healed a parked key.
const HEALED: Duration = Duration::from_secs(30);

/// When a client that was told to come back should do so.
const COME_BACK: Duration = Duration::from_secs(1);

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum Error {
    /// The request itself is wrong.
    Invalid(Vec<Fault>),
    UnknownOrder,
    UnknownSku,
    UnknownCustomer,
    UnknownCommand,
    /// The order has no such version, or did not exist at that time.
    UnknownVersion,
    /// What the client has written may be among what waits behind this dead letter.
    Parked(Parked),
    /// The read model is still behind these positions.
    PositionNotReached(Vec<Position>),
    /// Nobody can say how far the read model is.
    Unreachable,
    Read(read::Error),
    /// The answer could not be written as JSON.
    Unwritable(serde_json::Error),
}

impl From<read::Error> for Error {
    fn from(error: read::Error) -> Self {
        Self::Read(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        problem(self).into_response()
    }
}

/// The document that says it.
pub(super) fn problem(error: Error) -> Problem {
    match error {
        Error::Invalid(faults) => invalid(faults),
        Error::UnknownOrder => Problem::new(UNKNOWN_ORDER).detail(
            "No event of this order has been projected. To read an order just placed, send the \
             Spillway-Position of the command's answer.",
        ),
        Error::UnknownSku => Problem::new(UNKNOWN_SKU).detail(
            "No event of this product has been projected. To read a product just registered, send \
             the Spillway-Position of the command's answer.",
        ),
        Error::UnknownCustomer => Problem::new(UNKNOWN_CUSTOMER).detail(
            "No order of this customer has been projected. To see an order just placed counted, \
             send the Spillway-Position of the command's answer.",
        ),
        Error::UnknownCommand => Problem::new(UNKNOWN_COMMAND)
            .detail(
                "The command is not decided yet, its outcome is not projected yet, or there never \
                 was one or it is older than outcomes are kept.",
            )
            .retry_after(COME_BACK),
        Error::UnknownVersion => Problem::new(UNKNOWN_VERSION).detail(
            "The order has not come to this version yet, or did not exist at this time. To see what \
             a command just did, send the Spillway-Position of its answer.",
        ),
        Error::Parked(parked) => Problem::new(PARKED)
            .detail(format!(
                "An event could not be applied at {}, and later ones of the same order or product \
                 wait behind it. Without a position the row from before is answered, with the \
                 header Spillway-Parked.",
                parked.since.to_rfc3339_opts(SecondsFormat::Millis, true),
            ))
            .retry_after(HEALED),
        Error::PositionNotReached(positions) => {
            let behind = positions.iter().map(written).collect::<Vec<_>>();
            Problem::new(POSITION_NOT_REACHED)
                .detail("The projection did not pass the position in time; ask again.")
                .member("behind", behind)
                .retry_after(COME_BACK)
        }
        Error::Unreachable => unavailable("PostgreSQL cannot be reached"),
        Error::Read(error) if error.is_passing() => {
            tracing::debug!(%error, "A read was given up.");
            unavailable(&error.to_string())
        }
        Error::Read(error) => fault(&error),
        Error::Unwritable(error) => fault(&error),
    }
}

fn invalid(faults: Vec<Fault>) -> Problem {
    let problem = Problem::new(kinds::BAD_REQUEST)
        .detail("Parts of the request cannot be used; `errors` lists all of them.");
    faults.into_iter().fold(problem, |problem, fault| problem.error(fault.pointer, fault.detail))
}

/// A position as people write it: kind, partition, incarnation and link sequence.
fn written(position: &Position) -> String {
    let Position { kind, partition, incarnation, link_sequence } = position;
    format!("{kind}/{partition}:{incarnation}:{link_sequence}")
}

fn unavailable(why: &str) -> Problem {
    Problem::new(kinds::UNAVAILABLE).detail(format!("{why}.")).retry_after(COME_BACK)
}

/// A fault of ours: the log gets the cause, the client the request id to quote.
fn fault(error: &dyn std::error::Error) -> Problem {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(%error, cause, "A query could not be answered.");
    Problem::new(kinds::INTERNAL).retry(Retry::Safe)
}

#[cfg(test)]
mod tests {
    use service::problem::catalogue;

    use super::*;
    use crate::http::{graphql, streams};

    #[test]
    fn every_kind_of_this_process_is_as_its_page_says() {
        let own = [
            UNKNOWN_ORDER,
            UNKNOWN_SKU,
            UNKNOWN_CUSTOMER,
            UNKNOWN_COMMAND,
            POSITION_NOT_REACHED,
            UNKNOWN_VERSION,
            PARKED,
            streams::GONE,
            streams::TOO_MANY,
            streams::SLOW,
            streams::STOPPING,
            graphql::TOO_COMPLEX,
        ];
        for Kind { slug, status, title, retry } in own {
            let page = catalogue::page(&slug).expect(&slug);
            assert!(page.status.starts_with(status.as_str()), "{slug}");
            assert_eq!((page.title, page.retry), (&*title, retry), "{slug}");
        }
    }
}
