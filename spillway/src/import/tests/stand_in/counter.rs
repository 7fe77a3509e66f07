//! The state behind the stand-in: orders, stock, and which request was answered how.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(in super::super) struct Counter {
    /// Pieces and price by SKU.
    pub(in super::super) products: BTreeMap<String, (i64, i64)>,
    pub(in super::super) orders: BTreeMap<String, Order>,
    /// Requests that were decided, apart from repeats.
    pub(in super::super) decided: usize,
    answers: HashMap<String, (Value, u16, Value)>,
    receipts: HashMap<(String, String), i64>,
    tries: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
pub(in super::super) struct Order {
    pub(in super::super) status: &'static str,
    pub(in super::super) body: Value,
    pub(in super::super) total: i64,
}

impl Counter {
    /// How often this key, or this path of a query, was tried before.
    pub(super) fn tries(&mut self, name: &str) -> usize {
        let tries = self.tries.entry(name.to_owned()).or_default();
        *tries += 1;
        *tries - 1
    }

    /// Lets the memory of keys run out.
    pub(in super::super) fn forget(&mut self) {
        self.answers.clear();
    }

    /// Lets the memory run out of all keys but those that end so.
    pub(in super::super) fn forget_all_but(&mut self, end: &str) {
        self.answers.retain(|key, _| key.ends_with(end));
    }

    pub(super) fn carry_out(&mut self, key: &str, path: &[&str], body: &Value) -> (u16, Value) {
        if let Some((of, status, answer)) = self.answers.get(key) {
            return if of == body { (*status, answer.clone()) } else { refused(422, "key-reused") };
        }
        self.decided += 1;
        let (status, answer) = self.decide(path, body);
        self.answers.insert(key.to_owned(), (body.clone(), status, answer.clone()));
        (status, answer)
    }

    pub(super) fn show(&self, path: &[&str]) -> (u16, Value) {
        let Some(order) = path.get(1).and_then(|id| self.orders.get(*id)) else {
            return refused(404, "unknown-order");
        };
        let held = order.status != "rejected";
        let line = |line: &Value| {
            let (_, price) = self.products[line["sku"].as_str().unwrap()];
            let mut shown = line.clone();
            if held {
                shown["unit_price"] = json!(price);
            } else {
                shown["refusal"] = json!("out-of-stock");
            }
            shown
        };
        let lines: Vec<Value> = order.body["lines"].as_array().unwrap().iter().map(line).collect();
        let mut answer = order.answer();
        answer["lines"] = json!(lines);
        answer["currency"] = order.body["currency"].clone();
        (200, answer)
    }

    fn decide(&mut self, path: &[&str], body: &Value) -> (u16, Value) {
        match path {
            ["products"] => self.register(body),
            ["products", sku, "receipts"] => self.receive(sku, body),
            ["orders"] => self.place(body),
            ["orders", id, "payment"] => self.pay(id, body),
            ["orders", id, "shipment"] => self.ship(id),
            _ => refused(404, "not-found"),
        }
    }

    fn register(&mut self, body: &Value) -> (u16, Value) {
        let price = body["price"]["amount"].as_i64().unwrap();
        let sku = body["sku"].as_str().unwrap().to_owned();
        let (_, registered) = *self.products.entry(sku).or_insert((0, price));
        if registered == price { (201, json!({})) } else { refused(409, "already-registered") }
    }

    fn receive(&mut self, sku: &str, body: &Value) -> (u16, Value) {
        let pieces = body["quantity"].as_i64().unwrap();
        let receipt = (sku.to_owned(), body["reference"].as_str().unwrap().to_owned());
        if self.receipts.insert(receipt, pieces).is_none() {
            self.products.get_mut(sku).unwrap().0 += pieces;
        }
        (200, json!({}))
    }

    fn place(&mut self, body: &Value) -> (u16, Value) {
        let id = body["order_id"].as_str().unwrap();
        if self.orders.contains_key(id) {
            return refused(409, "order-exists");
        }
        let mut products = self.products.clone();
        let (mut total, mut status) = (0, "reserved");
        for line in body["lines"].as_array().unwrap() {
            let pieces = line["quantity"].as_i64().unwrap();
            let (stock, price) = products.get_mut(line["sku"].as_str().unwrap()).unwrap();
            *stock -= pieces;
            total += pieces * *price;
            if *stock < 0 {
                status = "rejected";
            }
        }
        let order = Order { status, body: body.clone(), total };
        let answer = order.answer();
        self.orders.insert(id.to_owned(), order);
        if status == "rejected" {
            return refused(409, "out-of-stock");
        }
        self.products = products;
        (201, answer)
    }

    fn pay(&mut self, id: &str, body: &Value) -> (u16, Value) {
        let order = self.orders.get_mut(id).unwrap();
        match order.status {
            "reserved" if body["amount"] == order.total => order.go("paid"),
            "reserved" => refused(409, "wrong-amount"),
            "paid" => refused(409, "already-paid"),
            "shipped" => refused(409, "already-shipped"),
            status => refused(409, status),
        }
    }

    fn ship(&mut self, id: &str) -> (u16, Value) {
        let order = self.orders.get_mut(id).unwrap();
        match order.status {
            "paid" => order.go("shipped"),
            "reserved" => refused(409, "not-paid"),
            "shipped" => refused(409, "already-shipped"),
            status => refused(409, status),
        }
    }
}

impl Order {
    fn go(&mut self, status: &'static str) -> (u16, Value) {
        self.status = status;
        (200, self.answer())
    }

    fn answer(&self) -> Value {
        let total = json!({"amount": self.total, "currency": self.body["currency"]});
        json!({"status": self.status, "total": total})
    }
}

fn refused(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"type": format!("/problems/{code}"), "detail": "No.", "retry": "never"}))
}
