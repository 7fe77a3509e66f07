//! Bodies of the order routes.

use events::command::{CancelOrder, PayOrder, PlaceOrder, ShipOrder};
use events::line::OrderLine;
use events::{Command, Money, id};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::CALLER;

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    /// Identity of the order; absent: derived from the idempotency key.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^(?!\\.{1,2}$)[!-~]([ -~]{0,126}[!-~])?$",
        example = "o-1"
    )]
    order_id: Option<String>,
    /// Opaque id of the customer, never a name or an address; absent for guests.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "c-1042"
    )]
    customer_id: Option<String>,
    /// ISO 4217 code of the whole order.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// Lines are numbered in this order, from 1.
    #[schema(min_items = 1, max_items = 1_000)]
    lines: Vec<LineBody>,
}

/// A wish for one SKU; a SKU may stand in several lines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineBody {
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]{1,64}$",
        example = "TICKET-A"
    )]
    sku: String,
    /// Pieces.
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    quantity: i64,
    /// Highest acceptable price of a piece in minor units; absent: any.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 4_990)]
    unit_price_max: Option<i64>,
}

/// A payment of the exact total.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaymentBody {
    /// The payment, as the provider names it.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "pay-77120"
    )]
    reference: String,
    /// Minor units of the currency.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_000_i64, example = 9_980)]
    amount: i64,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}

/// Why an order is called off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancellationBody {
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F]+$",
        example = "ordered by mistake"
    )]
    reason: String,
}

/// The whole order left the house.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShipmentBody {
    /// The shipment, as the carrier names it.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "00340434161094042557"
    )]
    reference: String,
}

impl OrderBody {
    /// Without an id of the client's, the id comes from the idempotency key, so that retries meet.
    pub(crate) fn into_command(self, idempotency_key: &str) -> Command {
        let derived = || id::order_id(CALLER, idempotency_key).to_string();
        PlaceOrder {
            order_id: self.order_id.unwrap_or_else(derived),
            customer_id: self.customer_id,
            currency: self.currency,
            lines: (1..).zip(self.lines).map(|(number, line)| line.numbered(number)).collect(),
        }
        .into()
    }
}

impl LineBody {
    fn numbered(self, line: i32) -> OrderLine {
        OrderLine {
            line,
            sku: self.sku,
            quantity: self.quantity,
            unit_price_max: self.unit_price_max,
        }
    }
}

impl PaymentBody {
    pub(crate) fn into_command(self, order_id: String) -> Command {
        let amount = Money { amount: self.amount, currency: self.currency };
        PayOrder { order_id, reference: self.reference, amount }.into()
    }
}

impl CancellationBody {
    pub(crate) fn into_command(self, order_id: String) -> Command {
        CancelOrder { order_id, reason: self.reason }.into()
    }
}

impl ShipmentBody {
    pub(crate) fn into_command(self, order_id: String) -> Command {
        ShipOrder { order_id, reference: self.reference }.into()
    }
}
