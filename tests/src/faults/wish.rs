//! What a client wants, and how it is asked for over HTTP.

use events::{Kind, id};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{CURRENCY, order_body};

/// The caller of every request, until authentication exists.
const CALLER: &str = "anonymous";

/// A command as its client means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Register {
        sku: String,
        price: i64,
    },
    Receive {
        sku: String,
        reference: String,
        pieces: i64,
    },
    /// Pieces that were lost, below 0, or found.
    Adjust {
        sku: String,
        pieces: i64,
    },
    /// Lines are pairs of SKU and pieces; no SKU stands twice.
    Place {
        order: String,
        lines: Vec<(String, i64)>,
    },
    Pay {
        order: String,
        amount: i64,
    },
    Ship {
        order: String,
    },
    Cancel {
        order: String,
    },
}

impl Wish {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Wish::Register { .. } | Wish::Receive { .. } | Wish::Adjust { .. } => Kind::Products,
            _ => Kind::Orders,
        }
    }

    /// The SKU or order id.
    pub(crate) fn aggregate(&self) -> &str {
        match self {
            Wish::Register { sku, .. } | Wish::Receive { sku, .. } | Wish::Adjust { sku, .. } => {
                sku
            }
            Wish::Place { order, .. }
            | Wish::Pay { order, .. }
            | Wish::Ship { order }
            | Wish::Cancel { order } => order,
        }
    }

    /// The command id under which the system knows it.
    pub(crate) fn command_id(&self, key: &str) -> Uuid {
        id::command_id(CALLER, self.kind(), self.aggregate(), key)
    }

    pub(crate) fn path(&self) -> String {
        match self {
            Wish::Register { .. } => "/v1/products".to_owned(),
            Wish::Receive { sku, .. } => format!("/v1/products/{sku}/receipts"),
            Wish::Adjust { sku, .. } => format!("/v1/products/{sku}/adjustments"),
            Wish::Place { .. } => "/v1/orders".to_owned(),
            Wish::Pay { order, .. } => format!("/v1/orders/{order}/payment"),
            Wish::Ship { order } => format!("/v1/orders/{order}/shipment"),
            Wish::Cancel { order } => format!("/v1/orders/{order}/cancellation"),
        }
    }

    pub(crate) fn body(&self) -> Value {
        match self {
            Wish::Register { sku, price } => {
                let price = json!({"amount": price, "currency": CURRENCY});
                json!({"sku": sku, "name": format!("The {sku}"), "price": price})
            }
            Wish::Receive { reference, pieces, .. } => {
                json!({"reference": reference, "quantity": pieces})
            }
            Wish::Adjust { pieces, .. } => json!({"quantity": pieces, "reason": "counted"}),
            Wish::Place { order, lines } => {
                let lines: Vec<(&str, i64)> =
                    lines.iter().map(|(sku, pieces)| (&**sku, *pieces)).collect();
                order_body(order, &lines)
            }
            Wish::Pay { order, amount } => {
                json!({"reference": format!("payment of {order}"), "amount": amount, "currency": CURRENCY})
            }
            Wish::Ship { order } => json!({"reference": format!("parcel of {order}")}),
            Wish::Cancel { .. } => json!({"reason": "second thoughts"}),
        }
    }

    /// As a line of bulk intake.
    pub(crate) fn line(&self, key: &str, if_match: Option<i64>) -> Value {
        let (command, id) = match self {
            Wish::Register { .. } => ("RegisterProduct", "sku"),
            Wish::Receive { .. } => ("ReceiveStock", "sku"),
            Wish::Adjust { .. } => ("AdjustStock", "sku"),
            Wish::Place { .. } => ("PlaceOrder", "order_id"),
            Wish::Pay { .. } => ("PayOrder", "order_id"),
            Wish::Ship { .. } => ("ShipOrder", "order_id"),
            Wish::Cancel { .. } => ("CancelOrder", "order_id"),
        };
        let mut line = self.body();
        line["idempotency_key"] = json!(key);
        line["command"] = json!(command);
        line[id] = json!(self.aggregate());
        if let Some(version) = if_match {
            line["if_match"] = json!(version);
        }
        line
    }
}
