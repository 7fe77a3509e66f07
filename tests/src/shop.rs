//! The commands of an everyday shop. The same call again is the same command: keys follow from the
//! arguments.

use serde_json::{Value, json};

use crate::{Answer, Client};

/// The currency of everything here.
pub const CURRENCY: &str = "EUR";

impl Client {
    /// Registers a product at a price in minor units.
    ///
    /// # Errors
    /// As [`Answer::to`], here and below.
    pub async fn register(&self, sku: &str, price: i64) -> anyhow::Result<Answer> {
        let price = json!({"amount": price, "currency": CURRENCY});
        let body = json!({"sku": sku, "name": format!("The {sku}"), "price": price});
        self.command("/v1/products", &format!("register {sku}"), &body).await
    }

    /// Receives pieces under a delivery note.
    pub async fn receive(&self, sku: &str, note: &str, pieces: i64) -> anyhow::Result<Answer> {
        let path = format!("/v1/products/{sku}/receipts");
        let body = json!({"reference": note, "quantity": pieces});
        self.command(&path, &format!("receive {note}"), &body).await
    }

    /// Registers a product with stock.
    pub async fn stock(&self, sku: &str, price: i64, pieces: i64) -> anyhow::Result<Answer> {
        let _ = self.register(sku, price).await?.is(201);
        Ok(self.receive(sku, &format!("first of {sku}"), pieces).await?.is(200))
    }

    /// Places an order of (SKU, pieces) lines.
    pub async fn place(&self, order_id: &str, lines: &[(&str, i64)]) -> anyhow::Result<Answer> {
        let body = order_body(order_id, lines);
        self.command("/v1/orders", &format!("place {order_id}"), &body).await
    }

    /// Pays what the answer to the placement asks for.
    pub async fn pay(&self, order_id: &str, placed: &Answer) -> anyhow::Result<Answer> {
        let total = &placed.body["total"];
        let body = json!({
            "reference": format!("payment of {order_id}"),
            "amount": total["amount"],
            "currency": total["currency"],
        });
        self.step(order_id, "payment", &body).await
    }

    /// Ships a paid order.
    pub async fn ship(&self, order_id: &str) -> anyhow::Result<Answer> {
        let body = json!({"reference": format!("parcel of {order_id}")});
        self.step(order_id, "shipment", &body).await
    }

    /// Cancels an order.
    pub async fn cancel(&self, order_id: &str) -> anyhow::Result<Answer> {
        self.step(order_id, "cancellation", &json!({"reason": "second thoughts"})).await
    }

    async fn step(&self, order_id: &str, step: &str, body: &Value) -> anyhow::Result<Answer> {
        let path = format!("/v1/orders/{order_id}/{step}");
        self.command(&path, &format!("{step} of {order_id}"), body).await
    }
}

/// The body of a placement.
#[must_use]
pub fn order_body(order_id: &str, lines: &[(&str, i64)]) -> Value {
    let line = |(sku, pieces): &(&str, i64)| json!({"sku": sku, "quantity": pieces});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    json!({"order_id": order_id, "currency": CURRENCY, "lines": lines})
}
