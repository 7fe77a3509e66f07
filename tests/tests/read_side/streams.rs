//! Streams that stay open while read models are switched and the projector comes and goes: every
//! change is heard exactly once, in order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use reqwest::{Method, Response};
use serde_json::Value;
use spillway_tests::{Client, until};
use tokio::task::JoinHandle;

/// A stream is not cut by its client while the test runs.
const LONG: Duration = Duration::from_secs(3_600);

/// What was heard: the version of an order or product with each message.
type Heard = Arc<Mutex<BTreeMap<String, Vec<i64>>>>;

/// One who listens all the time, from before the first change.
pub(crate) struct Listener {
    path: String,
    heard: Heard,
    listening: JoinHandle<anyhow::Result<()>>,
}

impl Listener {
    /// Listens to the orders of a customer.
    pub(crate) async fn to_customer(client: &Client, customer: &str) -> anyhow::Result<Self> {
        Self::to(client, format!("/v1/streams/customers/{customer}/orders")).await
    }

    /// Listens to one product.
    pub(crate) async fn to_product(client: &Client, sku: &str) -> anyhow::Result<Self> {
        Self::to(client, format!("/v1/streams/products?sku={sku}")).await
    }

    async fn to(client: &Client, path: String) -> anyhow::Result<Self> {
        let response = client.query(Method::GET, &path).timeout(LONG).send().await?;
        ensure!(response.status() == 200, "{path}: {}", response.status());
        let mut events = Events { response, text: String::new() };
        // The stream is open once its snapshot is here.
        let snapshot = events.next().await?;
        ensure!(snapshot.name == "snapshot", "{}", snapshot.name);
        let heard = Heard::default();
        let listening = tokio::spawn(listen(events, heard.clone()));
        Ok(Self { path, heard, listening })
    }

    /// Waits until everything was heard that happened to these orders, and nothing else was.
    pub(crate) async fn heard_each_event_once(
        self,
        happened: &BTreeMap<String, Vec<i64>>,
    ) -> anyhow::Result<()> {
        self.until(|heard| {
            let missing = happened.iter().find(|(id, versions)| {
                heard.get(*id).is_none_or(|heard| heard.len() < versions.len())
            });
            ensure!(missing.is_none(), "not heard: {missing:?}");
            Ok(())
        })
        .await?;
        let heard = self.end().await?;
        ensure!(heard == *happened, "heard {heard:?}, and {happened:?} happened");
        Ok(())
    }

    /// Waits until the product's last version was heard: each later than the one before. Events that
    /// are projected together make one message.
    pub(crate) async fn heard_it_rise_to(self, sku: &str, version: i64) -> anyhow::Result<()> {
        self.until(|heard| {
            let last = heard.get(sku).and_then(|versions| versions.last());
            ensure!(last >= Some(&version), "{last:?} of {version}");
            Ok(())
        })
        .await?;
        let heard = self.end().await?;
        ensure!(heard.len() == 1, "other products were heard: {heard:?}");
        let versions = &heard[sku];
        ensure!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        ensure!(versions.last() == Some(&version), "{versions:?} of {version}");
        Ok(())
    }

    async fn until(
        &self,
        holds: impl Fn(&BTreeMap<String, Vec<i64>>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        until("the stream has told everything", async || {
            let heard = self.heard.lock().map_err(|_| anyhow::anyhow!("a listener panicked"))?;
            holds(&heard)
        })
        .await
        .with_context(|| self.path.clone())
    }

    /// The stream must have stayed open.
    async fn end(self) -> anyhow::Result<BTreeMap<String, Vec<i64>>> {
        if self.listening.is_finished() {
            self.listening.await?.with_context(|| self.path.clone())?;
            bail!("{} has ended", self.path);
        }
        self.listening.abort();
        let heard = self.heard.lock().map_err(|_| anyhow::anyhow!("a listener panicked"))?;
        Ok(heard.clone())
    }
}

async fn listen(mut events: Events, heard: Heard) -> anyhow::Result<()> {
    loop {
        let Event { name, data } = events.next().await?;
        let (row, key) = match &*name {
            "order" => (&data["order"], "order_id"),
            "product" => (&data["product"], "sku"),
            other => bail!("{other}: {data}"),
        };
        let key = row[key].as_str().with_context(|| data.to_string())?.to_owned();
        let version = row["version"].as_i64().with_context(|| data.to_string())?;
        if let Ok(mut heard) = heard.lock() {
            heard.entry(key).or_default().push(version);
        }
    }
}

/// Server-sent events, one by one.
struct Events {
    response: Response,
    text: String,
}

struct Event {
    name: String,
    data: Value,
}

impl Events {
    /// The next one that says something.
    async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = message.lines();
                    lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_start()
                };
                let (name, data) = (field("event:").to_owned(), field("data:").to_owned());
                self.text = rest.to_owned();
                if !data.is_empty() {
                    return Ok(Event { name, data: serde_json::from_str(&data)? });
                }
            }
            let chunk = self.response.chunk().await?.context("the stream has ended")?;
            self.text.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}
