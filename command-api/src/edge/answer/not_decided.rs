//! Answers to commands of which no decision is known. Each says what a repeat may do.

use std::time::Duration;

use axum::response::Response;
use events::Command;
use http::{HeaderValue, StatusCode, header};
use service::problem::{Kind, Problem, Retry, kinds};

use super::refused::LineRefused;
use super::{AcceptedAnswer, Subject, about, command_location, insert, json};
use crate::edge::log::NotTaken;
use crate::edge::metrics;
use crate::edge::sold_out::Pieces;
use crate::edge::submit::NotAppended;

/// When to ask again for an outcome, or to send a request again that found no room.
const SOON: Duration = Duration::from_secs(1);
/// Longest `Retry-After`: an estimate beyond it is no better than a guess.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

const OVERLOADED: Kind = Kind::new(
    "overloaded",
    StatusCode::TOO_MANY_REQUESTS,
    "Too many commands wait for their decision",
    Retry::Safe,
);
const PROBABLY_SOLD_OUT: Kind = Kind::new(
    "probably-sold-out",
    StatusCode::TOO_MANY_REQUESTS,
    "Probably sold out, and too many orders wait",
    Retry::Safe,
);
const MEMORY_FULL: Kind = Kind::new(
    "memory-full",
    StatusCode::SERVICE_UNAVAILABLE,
    "Too many commands were decided within the memory of idempotency keys",
    Retry::Safe,
);
const OUTCOME_UNKNOWN: Kind = Kind::new(
    "outcome-unknown",
    StatusCode::SERVICE_UNAVAILABLE,
    "The outcome of the command is unknown",
    Retry::Safe,
);
const STALE: Kind = Kind::new(
    "stale",
    StatusCode::SERVICE_UNAVAILABLE,
    "The command reached its shard outside the accepted time",
    Retry::Safe,
);
const NOT_INITIALISED: Kind = Kind::new(
    "not-initialised",
    StatusCode::SERVICE_UNAVAILABLE,
    "The command log has no rules yet",
    Retry::Safe,
);

/// The command is in the log: 202, and where its outcome will be.
pub(super) fn accepted(subject: &Subject) -> Response {
    let mut response = json(StatusCode::ACCEPTED, AcceptedAnswer::of(subject));
    let headers = response.headers_mut();
    insert(headers, header::LOCATION, command_location(subject.command_id));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(SOON.as_secs()));
    response
}

/// The append was not acknowledged: the command may be carried out or not.
pub(super) fn unknown() -> Problem {
    metrics::append_failed();
    Problem::new(OUTCOME_UNKNOWN).retry_after(SOON).detail(
        "The command log did not acknowledge the command in time; it may be carried out or not. \
         Send the request again with the same Idempotency-Key: it takes effect once at most.",
    )
}

/// The command is certainly not in the log.
pub(crate) fn not_appended(reason: NotAppended) -> Problem {
    let (word, problem) = match reason {
        NotAppended::Busy { wait } => ("overloaded", overloaded(wait)),
        NotAppended::Full => ("memory-full", memory_full()),
        NotAppended::InFlight => ("in-flight", unavailable("This instance has no room for more.")),
        NotAppended::NotTaken(NotTaken::BufferFull) => {
            ("buffer-full", unavailable("The buffer in front of the command log is full."))
        }
        NotAppended::NotTaken(NotTaken::Unavailable) => {
            ("log-unavailable", unavailable("The command log cannot be reached."))
        }
        NotAppended::NotTaken(NotTaken::TooLarge) => ("too-large", too_large()),
    };
    metrics::not_admitted(word);
    problem
}

/// Every product of the order was refused for lack of stock a moment ago, and its shard is under
/// pressure. Nothing was appended; an earlier copy of the command may have been, and may hold stock.
pub(crate) fn probably_sold_out(
    subject: &Subject,
    command: &Command,
    left: &Pieces<'_>,
    bound: Duration,
) -> Problem {
    metrics::not_admitted("sold-out");
    let order = match command {
        Command::PlaceOrder(order) => order.lines.as_slice(),
        _ => &[],
    };
    let lines: Vec<LineRefused<'_>> = order
        .iter()
        .map(|line| LineRefused::out_of_stock(line, left.get(line.sku.as_str()).copied()))
        .collect();
    about(Problem::new(PROBABLY_SOLD_OUT), subject)
        .retry_after(bound.max(SOON))
        .lines(lines)
        .member("order_id", &subject.key)
        .detail(
            "The order was not taken: every product in it was sold out a moment ago, and too many \
             orders wait. This says nothing about earlier requests with the same Idempotency-Key; \
             the order shows whether one of them was carried out.",
        )
}

/// The command does not fit its record.
pub(crate) fn too_large() -> Problem {
    let bytes_max = domain::bounds::COMMAND_BYTES_MAX;
    Problem::new(kinds::TOO_LARGE).detail(format!("A command has at most {bytes_max} bytes."))
}

/// Two copies in a row were stamped outside the window. Nothing is known of earlier requests.
pub(super) fn stale() -> Problem {
    metrics::stale();
    Problem::new(STALE).retry_after(SOON).detail(
        "The command took too long to reach its shard, or clocks differ too much. Send the request \
         again with the same Idempotency-Key.",
    )
}

/// The shard met the command before its rules.
pub(super) fn not_initialised() -> Problem {
    Problem::new(NOT_INITIALISED)
        .retry_after(RETRY_AFTER_MAX)
        .detail("The operator has to write the rules first: spillway topics apply.")
}

/// A reply that contradicts its own schema's documentation.
pub(super) fn without_outcome() -> Problem {
    tracing::error!("A reply says decided and carries no outcome.");
    Problem::new(kinds::INTERNAL).retry(Retry::Safe)
}

fn overloaded(wait: Duration) -> Problem {
    let wait = wait.clamp(SOON, RETRY_AFTER_MAX);
    Problem::new(OVERLOADED)
        .retry_after(wait)
        .detail("The command was not taken: its decision would come too late.")
}

fn memory_full() -> Problem {
    Problem::new(MEMORY_FULL)
        .retry_after(RETRY_AFTER_MAX)
        .detail("The command was not taken: its shard remembers as many commands as it may.")
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(kinds::UNAVAILABLE)
        .retry_after(SOON)
        .detail(format!("The command was not taken. {detail}"))
}
