//! One line as a command: the members that the routes take from path and headers, and the body.

use events::Command;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use service::http::Json;
use service::problem::{Problem, kinds};

use crate::edge::body::{
    AdjustmentBody, CancellationBody, OrderBody, PaymentBody, PriceBody, ProductBody, ReceiptBody,
    ShipmentBody,
};
use crate::edge::request::{Condition, Patience, Terms, usable_key};

/// The commands that a line may name.
const COMMANDS: &str = "RegisterProduct, ChangePrice, ReceiveStock, AdjustStock, PlaceOrder, \
    PayOrder, CancelOrder or ShipOrder";

/// A line that was read.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) command: Command,
    pub(super) terms: Terms,
}

/// Reads a line. The key comes with a problem too, where there is one, so that it names its line.
pub(super) fn read(line: &[u8], patience: Patience) -> (Option<String>, Result<Wish, Problem>) {
    let mut members = match Json::<Map<String, Value>>::parse(line) {
        Ok(members) => members,
        Err(problem) => return (None, Err(problem)),
    };
    let key = match members.remove("idempotency_key") {
        Some(Value::String(key)) => Some(key),
        Some(_) => return (None, Err(misfit("/idempotency_key", "must be a text"))),
        None => None,
    };
    let wish = wish(members, key.as_deref().unwrap_or_default(), patience);
    (key, wish)
}

fn wish(members: Map<String, Value>, key: &str, patience: Patience) -> Result<Wish, Problem> {
    let mut rest = Rest(members);
    let faults = match usable_key(key) {
        Ok(()) => Vec::new(),
        Err(unusable) => vec![format!("The member idempotency_key {unusable}.")],
    };
    let condition = match rest.0.remove("if_match") {
        None => Condition::Any,
        Some(version) => match version.as_i64() {
            Some(version) if version >= 0 => Condition::Version(version),
            _ => return Err(misfit("/if_match", "must be a version, such as 3")),
        },
    };
    let name = rest.text("command")?;
    let command = match name.as_str() {
        "RegisterProduct" => rest.body::<ProductBody>()?.into_command(),
        "ChangePrice" => {
            let sku = rest.text("sku")?;
            rest.body::<PriceBody>()?.into_command(sku)
        }
        "ReceiveStock" => {
            let sku = rest.text("sku")?;
            rest.body::<ReceiptBody>()?.into_command(sku)
        }
        "AdjustStock" => {
            let sku = rest.text("sku")?;
            rest.body::<AdjustmentBody>()?.into_command(sku)
        }
        "PlaceOrder" => rest.body::<OrderBody>()?.into_command(key),
        "PayOrder" => {
            let order_id = rest.text("order_id")?;
            rest.body::<PaymentBody>()?.into_command(order_id)
        }
        "CancelOrder" => {
            let order_id = rest.text("order_id")?;
            rest.body::<CancellationBody>()?.into_command(order_id)
        }
        "ShipOrder" => {
            let order_id = rest.text("order_id")?;
            rest.body::<ShipmentBody>()?.into_command(order_id)
        }
        _ => return Err(misfit("/command", &format!("must be {COMMANDS}"))),
    };
    let terms = Terms { key: key.to_owned(), condition, patience, faults };
    Ok(Wish { command, terms })
}

/// The members that are not read yet.
struct Rest(Map<String, Value>);

impl Rest {
    fn text(&mut self, name: &str) -> Result<String, Problem> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(misfit(&format!("/{name}"), "must be a text")),
            None => Err(misfit("", &format!("the member {name} is missing"))),
        }
    }

    fn body<B: DeserializeOwned>(self) -> Result<B, Problem> {
        Json::of_value(Value::Object(self.0))
    }
}

fn misfit(pointer: &str, detail: &str) -> Problem {
    Problem::new(kinds::BAD_REQUEST)
        .detail("The line does not have the expected shape.")
        .error(pointer, detail)
}
