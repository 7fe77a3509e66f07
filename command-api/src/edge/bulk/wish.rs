//! One line as a command: the members that the routes take from path and headers, and the body.

use events::Command;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use service::http::{Json, Members};
use service::problem::{FieldError, Problem, kinds};
use uuid::Uuid;

use crate::edge::body::{
    AdjustmentBody, CancellationBody, ListingBody, OrderBody, PaymentBody, PriceBody, ProductBody,
    ReceiptBody, ShipmentBody, ThresholdBody,
};
use crate::edge::request::{Condition, Patience, Terms, usable_key};

/// The commands that a line may name.
const COMMANDS: &str = "RegisterProduct, ChangePrice, ReceiveStock, AdjustStock, \
    DeactivateProduct, ReactivateProduct, SetLowStockThreshold, PlaceOrder, PayOrder, CancelOrder \
    or ShipOrder";

/// What the lines of a request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A command each, by its name.
    Commands,
    /// A product to register each, as its own route takes it.
    Products,
}

/// A line that was read.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) command: Command,
    pub(super) terms: Terms,
}

/// Reads a line. The key comes with a problem too, where there is one, so that it names its line.
pub(super) fn read(
    line: &[u8],
    form: Form,
    patience: Patience,
) -> (Option<String>, Result<Wish, Problem>) {
    let mut members = match Json::<Members>::parse(line) {
        Ok(Members(members)) => members,
        Err(problem) => return (None, Err(problem)),
    };
    let key = match members.remove("idempotency_key") {
        Some(Value::String(key)) => Some(key),
        Some(_) => return (None, Err(misfit("/idempotency_key", "must be a text"))),
        None => None,
    };
    match form {
        Form::Commands => {
            let wish = wish(members, key.as_deref().unwrap_or_default(), patience);
            (key, wish)
        }
        Form::Products => {
            let key = key.unwrap_or_else(|| key_of(&members));
            let wish = product(members, &key, patience);
            (Some(key), wish)
        }
    }
}

/// The key of a product that comes without one: from what the line says of it, so that the same line
/// again is the same wish, and another one of the same SKU is not.
fn key_of(members: &Map<String, Value>) -> String {
    // The members of a map have one order, whatever that of the line was.
    let text = serde_json::to_string(members).unwrap_or_default();
    format!("import {}", Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
}

fn product(members: Map<String, Value>, key: &str, patience: Patience) -> Result<Wish, Problem> {
    let faults = faults(key);
    let command = Rest(members).body::<ProductBody>()?.into_command();
    let terms = Terms { key: key.to_owned(), condition: Condition::Any, patience, faults };
    Ok(Wish { command, terms })
}

/// What is wrong with a key.
fn faults(key: &str) -> Vec<FieldError> {
    let fault = usable_key(key).err();
    fault
        .map(|unusable| FieldError {
            pointer: "/idempotency_key".to_owned(),
            detail: unusable.to_string(),
        })
        .into_iter()
        .collect()
}

fn wish(members: Map<String, Value>, key: &str, patience: Patience) -> Result<Wish, Problem> {
    let mut rest = Rest(members);
    let faults = faults(key);
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
        "DeactivateProduct" => {
            let sku = rest.text("sku")?;
            rest.body::<ListingBody>()?.into_deactivation(sku)
        }
        "ReactivateProduct" => {
            let sku = rest.text("sku")?;
            rest.body::<ListingBody>()?.into_reactivation(sku)
        }
        "SetLowStockThreshold" => {
            let sku = rest.text("sku")?;
            rest.body::<ThresholdBody>()?.into_command(sku)
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
