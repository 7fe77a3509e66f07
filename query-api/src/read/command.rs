//! What became of a client command.

use chrono::{DateTime, Utc};
use events::{line, outcome, position};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use sqlx::{FromRow, Row, postgres::PgRow, types::Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Database, Error, money::Money, time};

/// Every byte of a path segment but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What became of a client command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommandOutcome {
    #[schema(value_type = String, format = "uuid")]
    pub command_id: Uuid,
    /// Name of the command.
    #[schema(example = "PlaceOrder")]
    pub command: String,
    /// Relative reference of the order or product concerned.
    #[schema(example = "/v1/orders/o-1")]
    pub resource: String,
    /// `done` or `refused`.
    #[schema(example = "done")]
    pub status: String,
    /// Version of the order or product after the command; null where there is none.
    pub version: Option<i64>,
    /// Log time of the decision.
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub decided_at: DateTime<Utc>,
    /// Null when the command was carried out, be it only in part.
    pub refusal: Option<Refusal>,
    /// The order as the command left it; null for products and unknown orders.
    pub order: Option<OrderState>,
    /// To be sent as `Spillway-Position` by a query that shall see what the command did.
    pub position: String,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusal {
    /// Problem type, a reference to its explanation.
    #[serde(rename = "type")]
    #[schema(example = "/problems/out-of-stock")]
    pub problem: String,
    /// Last segment of the problem type.
    #[schema(example = "out-of-stock")]
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The order lines concerned; empty when none is.
    pub lines: Vec<RefusedLine>,
}

/// An order line for which no stock could be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedLine {
    /// Number of the line, from 1.
    pub line: i32,
    pub sku: String,
    /// `out-of-stock`, `unknown-sku`, `price-changed` or `currency-mismatch`.
    pub reason: String,
    /// Pieces that were available, where stock was the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

/// An order as a command left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderState {
    /// `placed`, `reserved`, `rejected`, `paid`, `shipped`, `cancelled` or `expired`.
    pub status: String,
    /// Price of the reserved lines; null until the order is reserved.
    pub total: Option<Money>,
    /// Until when payment is awaited; null unless it is or was.
    #[serde(serialize_with = "time::optional::serialize")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub payment_deadline: Option<DateTime<Utc>>,
    /// What must be paid back.
    pub refund_due: Option<Money>,
    /// The lines that the order was reserved without; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_lines: Vec<RefusedLine>,
}

const BY_ID: &str = "
    SELECT command_id, command, kind, key, status, version, decided_at, refusal, order_summary,
           position
    FROM outcomes
    WHERE command_id = $1";

impl Database {
    /// The outcome of the command, unless none has been projected.
    pub async fn command(&self, command_id: Uuid) -> Result<Option<CommandOutcome>, Error> {
        self.read(|mut lease| async move {
            let row = sqlx::query_as(BY_ID).bind(command_id).fetch_optional(&mut *lease).await;
            lease.end(row)
        })
        .await
    }
}

impl FromRow<'_, PgRow> for CommandOutcome {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let kind: String = row.try_get("kind")?;
        let key: String = row.try_get("key")?;
        let version: i64 = row.try_get("version")?;
        let refusal: Option<Json<outcome::Refusal>> = row.try_get("refusal")?;
        let order: Option<Json<outcome::OrderSummary>> = row.try_get("order_summary")?;
        let Json(position): Json<Vec<events::Position>> = row.try_get("position")?;
        // A command that was carried out says here which lines it had to leave out.
        let (refusal, left_out) = match refusal {
            Some(Json(refusal)) if refusal.code == outcome::PARTLY_RESERVED => {
                (None, refusal.lines)
            }
            refusal => (refusal.map(|Json(refusal)| refusal.into()), Vec::new()),
        };
        Ok(Self {
            command_id: row.try_get("command_id")?,
            command: row.try_get("command")?,
            resource: format!("/v1/{kind}/{}", utf8_percent_encode(&key, SEGMENT)),
            status: row.try_get("status")?,
            version: (version > 0).then_some(version),
            decided_at: row.try_get("decided_at")?,
            refusal,
            order: order.map(|Json(order)| OrderState::of(order, left_out)),
            position: position::to_token(&position),
        })
    }
}

impl From<outcome::Refusal> for Refusal {
    fn from(refusal: outcome::Refusal) -> Self {
        Self {
            problem: format!("/problems/{}", refusal.code),
            code: refusal.code,
            detail: refusal.detail,
            lines: refusal.lines.into_iter().map(RefusedLine::from).collect(),
        }
    }
}

impl From<line::RefusedLine> for RefusedLine {
    fn from(line: line::RefusedLine) -> Self {
        let line::RefusedLine { line, sku, reason, available } = line;
        Self { line, sku, reason, available }
    }
}

impl OrderState {
    fn of(order: outcome::OrderSummary, left_out: Vec<line::RefusedLine>) -> Self {
        Self {
            status: order.status,
            total: order.total.map(Money::from),
            payment_deadline: order.payment_deadline.and_then(DateTime::from_timestamp_millis),
            refund_due: order.refund_due.map(Money::from),
            refused_lines: left_out.into_iter().map(RefusedLine::from).collect(),
        }
    }
}
