//! Refusals: the status and title of every code that decide may say.

use domain::refusal::Code;
use events::Kind as Aggregates;
use events::line::{OrderLine, RefusedLine};
use events::outcome::{Outcome, Refusal};
use http::StatusCode;
use serde::Serialize;
use service::problem::{Kind, Problem, Retry};

use super::{Subject, about};
use crate::edge::metrics;

/// Last segment of the type that no shard says.
const RULES_NOT_ACTIVE: &str = "rules-not-active";

/// A line of a refused order.
#[derive(Debug, Serialize)]
pub(super) struct LineRefused<'a> {
    /// Number of the line in its order, from 1.
    line: i32,
    sku: &'a str,
    /// `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch` or `product-inactive`.
    reason: &'a str,
    /// Pieces that were available, where stock was the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
}

impl<'a> LineRefused<'a> {
    pub(super) fn out_of_stock(line: &'a OrderLine, available: Option<i64>) -> Self {
        Self { line: line.line, sku: &line.sku, reason: Code::OutOfStock.as_str(), available }
    }
}

/// The problem of a refused command. Its key has been used up: the same request gets the same
/// refusal, whatever has changed since.
pub(super) fn problem(subject: &Subject, outcome: &Outcome, refusal: &Refusal) -> Problem {
    if subject.rules > 1 && refusal.code == Code::Undecodable.as_str() {
        return rules_not_active(subject);
    }
    let kind = match Code::of_text(&refusal.code) {
        Some(code) => {
            metrics::refused(code.as_str());
            kind(code, subject)
        }
        None => {
            metrics::refused("other");
            let title = "The command was refused".to_owned();
            Kind::named(refusal.code.clone(), StatusCode::CONFLICT, title)
        }
    };
    let mut problem = about(Problem::new(kind).detail(&refusal.detail), subject);
    if !refusal.lines.is_empty() {
        problem = problem.lines(refusal.lines.iter().map(line).collect::<Vec<_>>());
    }
    if let Some(order) = &outcome.order {
        problem = problem.member("order_id", &subject.key).member("order_status", &order.status);
    }
    problem
}

/// To the rules in force the command is no command. What the shard writes is that it cannot be read,
/// as a build without the rules would; only who has sent it knows better.
fn rules_not_active(subject: &Subject) -> Problem {
    metrics::refused(RULES_NOT_ACTIVE);
    let title = "The rules in force do not know this command";
    let kind = Kind::new(RULES_NOT_ACTIVE, StatusCode::CONFLICT, title, Retry::Never);
    let detail = format!(
        "The command needs rules version {}, which is not active. Nothing was done. Once an operator \
         has activated it, send the request with a new Idempotency-Key.",
        subject.rules
    );
    about(Problem::new(kind).detail(detail), subject)
}

/// The key was used with another body.
pub(super) fn key_reused() -> Problem {
    metrics::refused(Code::KeyReused.as_str());
    let (status, title) = status_and_title(Code::KeyReused);
    let kind = Kind::new(Code::KeyReused.as_str(), status, title, Retry::Never);
    Problem::new(kind).detail(
        "This Idempotency-Key was used for another request on the same resource. Send every new \
         request with a key of its own.",
    )
}

fn line(line: &RefusedLine) -> LineRefused<'_> {
    LineRefused { line: line.line, sku: &line.sku, reason: &line.reason, available: line.available }
}

fn kind(code: Code, subject: &Subject) -> Kind {
    let (status, title) = match code {
        // The SKU stands in the path, not in a line.
        Code::UnknownSku if subject.kind == Aggregates::Products => {
            (StatusCode::NOT_FOUND, "No such product")
        }
        code => status_and_title(code),
    };
    Kind::new(code.as_str(), status, title, Retry::Never)
}

fn status_and_title(code: Code) -> (StatusCode, &'static str) {
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    match code {
        Code::Invalid => (StatusCode::BAD_REQUEST, "The request is not valid"),
        Code::UnknownOrder => (StatusCode::NOT_FOUND, "No such order"),
        Code::StaleVersion => {
            (StatusCode::PRECONDITION_FAILED, "The resource has changed since it was read")
        }
        Code::KeyReused => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key was used for another request")
        }
        Code::Undecodable | Code::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "The command could not be decided")
        }
        Code::UnknownSku => (CONFLICT, "A line names no known product"),
        Code::OutOfStock => (CONFLICT, "Not enough stock"),
        Code::PriceChanged => (CONFLICT, "A price is above what the line accepts"),
        Code::CurrencyMismatch => (CONFLICT, "The currencies differ"),
        Code::AlreadyRegistered => (CONFLICT, "The SKU is registered with other data"),
        Code::BelowReserved => (CONFLICT, "The stock would fall below what is reserved"),
        Code::ReferenceReused => (CONFLICT, "The reference was used for another delivery"),
        Code::StockLimit => (CONFLICT, "The stock would rise above its limit"),
        Code::OrderExists => (CONFLICT, "The order id is taken"),
        Code::NotReserved => (CONFLICT, "The order is not reserved yet"),
        Code::AlreadyPaid => (CONFLICT, "The order is paid"),
        Code::WrongAmount => (CONFLICT, "The payment is not the order's total"),
        Code::Expired => (CONFLICT, "The order has expired"),
        Code::Rejected => (CONFLICT, "The order was rejected"),
        Code::Cancelled => (CONFLICT, "The order was cancelled"),
        Code::AlreadyShipped => (CONFLICT, "The order was shipped"),
        Code::NotPaid => (CONFLICT, "The order is not paid"),
        Code::Closed => (CONFLICT, "The order is closed"),
        Code::ProductInactive => (CONFLICT, "A product is off sale"),
    }
}
