//! Clients that write, and read what they wrote by position: what they see is never older.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use spillway_tests::{Answer, Client, order_body, until};

use crate::streams::Listener;

/// Of a piece, in minor units.
const PRICE: i64 = 100;
/// More than one client ever orders here.
const STOCK: i64 = 1_000_000;

/// A client that alone orders its product, so that it knows what it must see.
pub(crate) struct Reader {
    client: Client,
    sku: String,
    n: usize,
    held: i64,
    left: i64,
    /// Listens to what the client does.
    orders: Listener,
    product: Listener,
}

impl Reader {
    /// Begins to listen, and puts its product on the shelf.
    pub(crate) async fn start(client: Client, n: usize) -> anyhow::Result<Self> {
        let sku = format!("of-reader-{n}");
        let orders = Listener::to_customer(&client, &sku).await?;
        let product = Listener::to_product(&client, &sku).await?;
        let _ = client.stock(&sku, PRICE, STOCK).await?.is(200);
        Ok(Self { client, sku, n, held: 0, left: STOCK, orders, product })
    }

    /// Writes and reads until it is stopped; counts its rounds.
    pub(crate) async fn run(
        mut self,
        stop: &AtomicBool,
        rounds: &AtomicUsize,
    ) -> anyhow::Result<()> {
        let mut round: usize = 0;
        while !stop.load(Relaxed) {
            self.round(round).await?;
            round += 1;
            rounds.fetch_add(1, Relaxed);
        }
        self.has_heard_everything(round).await
    }

    /// Holds what its streams have told against what has happened.
    async fn has_heard_everything(self, rounds: usize) -> anyhow::Result<()> {
        let Self { client, sku, n, orders, product, .. } = self;
        let mut happened = BTreeMap::new();
        for round in 0..rounds {
            let id = order_id(n, round);
            let history = client.get(&format!("/v1/orders/{id}/history")).await?.is(200);
            let items = history.body["items"].as_array().context("no items")?;
            let versions = items.iter().filter_map(|item| item["version"].as_i64());
            happened.insert(id, versions.collect());
        }
        orders.heard_each_event_once(&happened).await?;
        let shown = client.get(&format!("/v1/products/{sku}")).await?.is(200);
        let version = shown.body["version"].as_i64().context("no version")?;
        product.heard_it_rise_to(&sku, version).await
    }

    async fn round(&mut self, round: usize) -> anyhow::Result<()> {
        let id = order_id(self.n, round);
        let mut body = order_body(&id, &[(&self.sku, 2)]);
        body["customer_id"] = json!(self.sku);
        let placed =
            self.client.command("/v1/orders", &format!("place {id}"), &body).await?.is(201);
        self.held += 2;
        self.order_is(&placed, &id, "reserved").await?;
        self.stock_is(&placed).await?;
        self.outcome_is(&placed).await?;
        let paid = self.client.pay(&id, &placed).await?.is(200);
        self.order_is(&paid, &id, "paid").await?;
        self.outcome_is(&paid).await?;
        self.sums_are(&paid, round + 1).await?;
        if round.is_multiple_of(2) {
            let shipped = self.client.ship(&id).await?.is(200);
            self.order_is(&shipped, &id, "shipped").await?;
            // The shipment reaches the product's shard a moment later.
            (self.held, self.left) = (self.held - 2, self.left - 2);
            until("the pieces have left", async || self.stock_is(&shipped).await).await?;
        }
        Ok(())
    }

    async fn order_is(&self, after: &Answer, id: &str, status: &str) -> anyhow::Result<()> {
        let shown = self.see(after, &format!("/v1/orders/{id}")).await?;
        ensure!(shown["status"] == status, "{id} was {status} when it was read: {shown}");
        Ok(())
    }

    async fn stock_is(&self, after: &Answer) -> anyhow::Result<()> {
        let shown = self.see(after, &format!("/v1/products/{}", self.sku)).await?;
        let stands = (shown["on_hand"].as_i64(), shown["reserved"].as_i64());
        ensure!(stands == (Some(self.left), Some(self.held)), "{stands:?}: {shown}");
        Ok(())
    }

    /// Every order of this customer so far is paid, and holds two pieces of the product.
    async fn sums_are(&self, after: &Answer, orders: usize) -> anyhow::Result<()> {
        let orders = i64::try_from(orders)?;
        let shown = self.see(after, &format!("/v1/customers/{}", self.sku)).await?;
        let spent = &shown["spend"][0]["amount"];
        ensure!(shown["orders"] == orders && *spent == orders * 2 * PRICE, "{orders}: {shown}");
        let shown = self.see(after, &format!("/v1/sales/days?sku={}", self.sku)).await?;
        let days = shown["items"].as_array().into_iter().flatten();
        let sold: i64 = days.filter_map(|day| day["amount"].as_i64()).sum();
        ensure!(sold == orders * 2 * PRICE, "{orders}: {shown}");
        Ok(())
    }

    async fn outcome_is(&self, of: &Answer) -> anyhow::Result<()> {
        let id = of.body["command_id"].as_str().unwrap_or_default();
        let shown = self.see(of, &format!("/v1/commands/{id}")).await?;
        ensure!(shown["status"] == "done", "{id} was done when it was read: {shown}");
        Ok(())
    }

    /// Reads behind a position. `425`, and `404` for an outcome, say honestly that it is not there
    /// yet; everything else that is not the row is a break.
    async fn see(&self, after: &Answer, path: &str) -> anyhow::Result<Value> {
        let is_outcome = path.starts_with("/v1/commands/");
        let shown = until("a read is answered", async || {
            let shown = self.client.get_after(after, path).await?;
            ensure!(shown.status != 425, "{}", shown.body);
            ensure!(!(is_outcome && shown.code() == "unknown-command"), "{}", shown.body);
            Ok(shown)
        })
        .await?;
        ensure!(shown.status == 200, "{path}: {} {}", shown.status, shown.body);
        Ok(shown.body)
    }
}

fn order_id(n: usize, round: usize) -> String {
    format!("o-{n}-{round}")
}
