//! Two instances of everything: they are stopped, killed and paused, and nothing is lost.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use events::{Kind, Topic, codec::Record as _, outcome::Outcome};
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use serde_json::Value;
use spillway_tests::{Answer, Client, System, SystemOptions, until};
use tokio::time::timeout;

/// Pieces of the product that every other order wants; there are more orders than that.
const HOT_PIECES: i64 = 100;
/// Orders that are served between two changes of the instances, at least.
const STRETCH: usize = 60;
/// Customers who order at the same time.
const CUSTOMERS: usize = 8;
/// How long a customer waits for one instance before asking the other one. A takeover takes longer,
/// so that its commands stand in the log several times.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn no_accepted_order_is_lost_while_instances_come_and_go() -> anyhow::Result<()> {
    let options = SystemOptions { command_apis: 2, projectors: 2, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let counter = Counter { clients: [system.client_of(0)?, system.client_of(1)?] };
    counter.clients[0].stock("HOT", 1_000, HOT_PIECES).await?;
    counter.clients[0].stock("COOL", 1_000, 1_000_000).await?;

    let rush = Rush { served: AtomicUsize::new(0), last: AtomicUsize::new(usize::MAX) };
    let customers = stream::iter(0..)
        .take_while(|number| future::ready(*number < rush.last.load(Ordering::Relaxed)))
        .map(|number| {
            let (counter, rush) = (&counter, &rush);
            async move {
                let fate = counter.serve(number).await?;
                rush.served.fetch_add(1, Ordering::Relaxed);
                anyhow::Ok((number, fate))
            }
        })
        .buffer_unordered(CUSTOMERS)
        .try_collect();
    let (fates, ()): (BTreeMap<usize, Fate>, ()) =
        tokio::try_join!(customers, come_and_go(&system, &rush))?;

    let shipped = |wants: &str| {
        let ours = fates.iter().filter(|(number, _)| sku(**number) == wants);
        ours.filter(|(_, fate)| fate.status == "shipped").count()
    };
    assert_eq!(shipped("HOT"), usize::try_from(HOT_PIECES)?, "neither oversold nor held back");
    assert_eq!(shipped("COOL"), fates.len().div_ceil(2));
    system.settle().await?;
    what_was_answered_is_shown(&system, &counter.clients[0], &fates).await?;
    every_command_has_one_outcome(&system, &fates).await?;
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("orders"), u64::try_from(fates.len())?);
    system.stop().await
}

/// How far the customers are, and where they end.
struct Rush {
    served: AtomicUsize,
    last: AtomicUsize,
}

impl Rush {
    /// Waits until another stretch of orders has been served.
    async fn goes_on(&self) -> anyhow::Result<()> {
        let goal = self.served.load(Ordering::Relaxed) + STRETCH;
        until("orders are served", async || {
            let served = self.served.load(Ordering::Relaxed);
            ensure!(served >= goal, "{served} of {goal} orders are served");
            Ok(())
        })
        .await
    }
}

/// Stops, kills and pauses instances, with orders served in between.
async fn come_and_go(system: &System, rush: &Rush) -> anyhow::Result<()> {
    let (command_api, projector) = (&system.command_apis[1], &system.projectors[1]);
    rush.goes_on().await?;
    tokio::try_join!(command_api.term(), projector.term())?;
    rush.goes_on().await?;
    tokio::try_join!(command_api.start(), projector.start())?;
    rush.goes_on().await?;
    // The others are killed, without a goodbye: those that came back must find out and take over.
    let (killed_api, killed_projector) = (&system.command_apis[0], &system.projectors[0]);
    tokio::try_join!(killed_api.kill(), killed_projector.kill())?;
    rush.goes_on().await?;
    tokio::try_join!(killed_api.start(), killed_projector.start())?;
    rush.goes_on().await?;
    // A machine that stands still and wakes up again: it works on where others have taken over.
    command_api.pause()?;
    projector.pause()?;
    rush.goes_on().await?;
    command_api.resume()?;
    projector.resume()?;
    rush.goes_on().await?;
    rush.last.store(0, Ordering::Relaxed);
    Ok(())
}

/// What a customer was told last about an order.
#[derive(Debug)]
struct Fate {
    status: String,
    version: i64,
    /// Every command of the order that was decided.
    commands: Vec<String>,
}

/// Two instances behind no balancer: whoever gets no answer asks the other one, with the same key.
struct Counter {
    clients: [Client; 2],
}

impl Counter {
    /// Places an order, and pays and ships what is reserved.
    async fn serve(&self, number: usize) -> anyhow::Result<Fate> {
        let order_id = order_id(number);
        let placed =
            self.decided(number, async |client| client.place(&order_id, &[(sku(number), 1)]).await);
        let placed = placed.await?;
        if placed.status == 409 {
            let placed = placed.is_problem(409, "out-of-stock");
            let version = placed.header("etag").trim_matches('"').parse()?;
            let commands = vec![command_id(&placed)?];
            return Ok(Fate { status: "rejected".to_owned(), version, commands });
        }
        let placed = placed.is(201);
        let paid = self.decided(number + 1, async |client| client.pay(&order_id, &placed).await);
        let paid = paid.await?.is(200);
        let shipped =
            self.decided(number, async |client| client.ship(&order_id).await).await?.is(200);
        Ok(Fate {
            status: shipped.body["status"].as_str().unwrap_or_default().to_owned(),
            version: shipped.body["version"].as_i64().context("no version")?,
            commands: [&placed, &paid, &shipped]
                .into_iter()
                .map(command_id)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Asks the instances in turn, beginning with the `first`, until one of them has a decision.
    async fn decided(
        &self,
        first: usize,
        ask: impl AsyncFn(&Client) -> anyhow::Result<Answer>,
    ) -> anyhow::Result<Answer> {
        let turn = AtomicUsize::new(first);
        until("an instance has a decision", async || {
            let client = &self.clients[turn.fetch_add(1, Ordering::Relaxed) % 2];
            // A paused instance takes the request and says nothing.
            let answer = timeout(PATIENCE, ask(client)).await??;
            let is_open = answer.status == 202 || answer.status == 429 || answer.status >= 500;
            ensure!(!is_open, "{} {}", answer.status, answer.body);
            Ok(answer)
        })
        .await
    }
}

async fn what_was_answered_is_shown(
    system: &System,
    client: &Client,
    fates: &BTreeMap<usize, Fate>,
) -> anyhow::Result<()> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT order_id, status, version FROM orders")
            .fetch_all(&system.rows)
            .await?;
    let shown: BTreeMap<String, (String, i64)> =
        rows.into_iter().map(|(id, status, version)| (id, (status, version))).collect();
    let answered: BTreeMap<String, (String, i64)> = fates
        .iter()
        .map(|(number, fate)| (order_id(*number), (fate.status.clone(), fate.version)))
        .collect();
    assert_eq!(shown, answered);
    let hot = client.get("/v1/products/HOT").await?.is(200).body;
    assert_eq!((&hot["on_hand"], &hot["reserved"]), (&Value::from(0), &Value::from(0)), "{hot}");
    Ok(())
}

/// Whatever was repeated and re-emitted, a reader that skips repeats sees each command decided once.
async fn every_command_has_one_outcome(
    system: &System,
    fates: &BTreeMap<usize, Fate>,
) -> anyhow::Result<()> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT command_id::text FROM outcomes WHERE kind = 'orders'")
            .fetch_all(&system.rows)
            .await?;
    let projected: Vec<&str> = rows.iter().map(|(id,)| &**id).collect();
    let commands: Vec<&String> = fates.values().flat_map(|fate| &fate.commands).collect();
    assert_eq!(projected.len(), commands.len());
    let mut decided = BTreeMap::new();
    for record in system.log.read_topic(Topic::Outcomes(Kind::Orders)).await? {
        let outcome = Outcome::from_single_object(record.value().unwrap_or_default())?;
        let earlier = decided.insert(outcome.command_id.clone(), outcome.clone());
        // A new owner may write an outcome again, never another one.
        assert!(earlier.is_none_or(|earlier| earlier == outcome), "{outcome:?}");
    }
    for id in commands {
        assert!(decided.contains_key(id) && projected.contains(&&**id), "{id} is lost");
    }
    Ok(())
}

fn order_id(number: usize) -> String {
    format!("o-{number}")
}

/// What an order wants.
fn sku(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "COOL" } else { "HOT" }
}

fn command_id(answer: &Answer) -> anyhow::Result<String> {
    Ok(answer.body["command_id"].as_str().context("no command id")?.to_owned())
}
